/**
 * The port: what a backend must be able to do, and nothing of how. Each obligation stands in a docstring here; the
 * conformance suite (`memorygraph-migrate/testing`) tests just those lines.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { MigrationError, ReadError, StoreUnavailable } from "../domain/Errors.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import type { WriteSession, SessionOptions } from "./WriteSession.ts"

/** Counts by the store's own counting, independent of how it is read. */
export interface Statistics {
  readonly nodes: number
  readonly relationships: number
  /** Nodes per label; a node with several labels counts under each, one without under the empty string. */
  readonly labels: { readonly [label: string]: number }
  /** Relationships per type. */
  readonly types: { readonly [type: string]: number }
  /**
   * The latest `updated_at` or `created_at` of its memories, as it is stored, where they have any as text: two readings
   * that differ say that something was written in between. Text is compared as text, which orders ISO times of one form.
   */
  readonly newest?: string | undefined
}

/** What a person or a plan wants to know of a reachable store. */
export interface Health {
  /** Engine and version, as it says itself: `SQLite 3.50.4, seed layout`. */
  readonly version: string
  /** False where the store can be read but not written (permissions, replica); the first note then says why. */
  readonly writable: boolean
  /** What bars writing, where that is known. */
  readonly barred?: "permission" | "read-only" | "not-found" | undefined
  /** Limits, persistence, index states and oddities worth showing, one sentence each. */
  readonly notes: ReadonlyArray<string>
  /** About how many bytes the data takes on disk, where that can be told: for the check of free space. */
  readonly bytes?: number | undefined
  /** The folder in which a session makes its temporary copy, where it makes one: for the check of free space. */
  readonly folder?: string | undefined
}

/** A fact for people: `journal_mode`, `wal`. */
export interface Fact {
  readonly name: string
  readonly value: string
}

/** An index or a constraint; `state` as the engine says it, `online` where it works. */
export interface IndexState {
  readonly name: string
  readonly state: string
}

/** What a closer look tells; for people who ask, never part of a run. */
export interface Diagnosis {
  /** Settings and limits of the engine that matter here. */
  readonly facts: ReadonlyArray<Fact>
  /** Constraints among them. */
  readonly indexes: ReadonlyArray<IndexState>
  /** Ids that several nodes have, as far as they are texts: the first 20 of them, and how many there are. */
  readonly duplicates: { readonly first: ReadonlyArray<string>; readonly total: number }
}

/** What a backend can do; used by plans, never by a switch on its name. */
export interface Capabilities {
  /** Readers see nothing of a session before it is published. */
  readonly isolated: boolean
  /** `read` is one snapshot: writes made meanwhile do not show. */
  readonly snapshot: boolean
  /** The engine offers fulltext search over memories. */
  readonly fulltext: boolean
}

/** Which part of a graph to read. */
export interface Selection {
  /** Both unless given. */
  readonly only?: "nodes" | "relationships" | undefined
}

/**
 * How a record fits a store, where it is not simply native: `encoded` (stored as text with its kind beside it, comes
 * back as it was) or `impossible` (cannot be stored without change; stops before the first write). `kind` is a short
 * phrase that is the same for the same cause, so that it can be counted: `map value`, `no title`.
 */
export interface Misfit {
  readonly level: "encoded" | "impossible"
  readonly kind: string
}

/** A connected store. Everything is measured, read and written through this. */
export interface GraphBackend {
  /** The registry's name of the backend: `sqlite`, `neo4j`, ... */
  readonly kind: string
  /** Where it is, for people; never holds a secret. */
  readonly location: string
  /** Equal for two values exactly when they name the same graph (links resolved, hosts and graph names included). */
  readonly identity: string
  readonly capabilities: Capabilities

  /** Reaches the store and says what it is. Changes nothing. */
  readonly health: Effect.Effect<Health, StoreUnavailable>

  /** A closer look, where the backend has one. May take as long as a scan of all nodes. Changes nothing. */
  readonly diagnose?: Effect.Effect<Diagnosis, ReadError> | undefined

  /**
   * Counts by a query of its own (never by reading). A store that does not exist yet counts as empty. Nodes and
   * properties that this product keeps for itself (the fence, `_mg_*`) are never counted.
   */
  readonly statistics: Effect.Effect<Statistics, ReadError>

  /**
   * Relationships whose end is not a node of the store: their descriptions, the first 20 of them, and the total. Only
   * stores without referential integrity have any.
   */
  readonly dangling: Effect.Effect<{ readonly first: ReadonlyArray<string>; readonly total: number }, ReadError>

  /**
   * The whole graph as a stream of chunks: all nodes before all relationships, each exactly once, in constant memory,
   * paged by a unique key, as one snapshot where {@link Capabilities.snapshot}. Never changes the store. Records that
   * cannot be decoded exactly fail with `SourceDataInvalid`; nothing is ever skipped. A store that does not exist may
   * fail with `StoreUnavailable` (`not-found`, `empty-file`, `missing-database`), though it counts as empty.
   */
  readonly read: (selection?: Selection) => Stream.Stream<GraphRecord, ReadError>

  /**
   * The stored counterparts of the given records: nodes by key, relationships by their ends and type (all of them,
   * keyed or not, also when only one of them was asked for) and, where the store has an index of relationship keys, by
   * key too, whatever their ends. A record with no counterpart yields nothing. Order is free, no record is returned
   * twice for one call.
   */
  readonly lookup: (records: ReadonlyArray<GraphRecord>) => Effect.Effect<ReadonlyArray<GraphRecord>, ReadError>

  /** How the record fits this store: an empty list means natively. Pure and fast; called for every record. */
  readonly fit: (record: GraphRecord) => ReadonlyArray<Misfit>

  /**
   * Opens the write session. Fails, having changed nothing, where the store cannot be written (`StoreUnavailable`), or
   * another session has it (`Refused`: `locked`, `unfinished-run`). While it is open, nothing but its methods writes.
   * Closing the scope undoes a session that is still open.
   */
  readonly openSession: (options: SessionOptions) => Effect.Effect<WriteSession, MigrationError, Scope.Scope>
}

/** The tag for hosts that work with one backend; a migration takes two values instead, never one tag twice. */
export const GraphBackend = Context.GenericTag<GraphBackend>("memorygraph-migrate/GraphBackend")
