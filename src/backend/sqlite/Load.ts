/** A load in progress: tables, rows and indexes, in whatever transaction the connection has open. */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Left, type MigrationError, WriteFailed } from "../../domain/Errors.ts"
import type { BatchPart, Journal, JournalBatch } from "../Journal.ts"
import type { SessionDriver, WriteBatch } from "../WriteSession.ts"
import { DDL } from "./ddl.ts"
import { failed, KIND, readFailed, writeFailed } from "./errors.ts"
import { inspect, type Layout } from "./layout.ts"
import { RowRemover } from "./RowRemover.ts"
import { RowWriter } from "./RowWriter.ts"
import { counts } from "./statistics.ts"
import { breathe, type Place, readError, stream } from "./graphStream.ts"
import { danglingCount, lookup, type StoredGraph } from "./StoredGraph.ts"

const TABLE_OF_INDEX = /\sON (\w+)\(/

/** Creates the layout's tables that are missing; returns the layout as it is then, and the indexes of the new tables. */
export const createTables = (
  db: Database.Database,
  before: Layout
): { readonly layout: Layout; readonly indexes: ReadonlyArray<string> } => {
  const name = before.codec.layout
  const ddl = DDL[name]
  const made = new Set<string>()
  if (!before.hasNodes) {
    db.exec(ddl.nodes.sql)
    made.add(ddl.nodes.name)
    const exists = db.prepare("SELECT 1 FROM sqlite_master WHERE name = ?")
    for (const table of Object.keys(ddl.fulltext))
      if (exists.get(table) === undefined) db.exec(ddl.fulltext[table] ?? "")
  }
  if (!before.hasRelationships) {
    db.exec(ddl.relationships)
    made.add("relationships")
  }
  const indexes = Object.values(ddl.indexes).filter((sql) => made.has(TABLE_OF_INDEX.exec(sql)?.[1] ?? ""))
  return { layout: made.size === 0 ? before : inspect(db, name), indexes }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof WriteFailed && (error.reason === "refused-record" || error.reason === "store-changed")

const ended = (location: string, cause?: unknown): WriteFailed => {
  const what =
    cause instanceof Error
      ? `${location} has rolled back this run's transaction by itself: ${cause.message}.`
      : `An earlier batch of this run has failed on ${location}.`
  return failed(location, "import", "driver", `${what} What this run had written there is undone.`, cause)
}

/** What a session works with, whichever kind it is. */
export class Load {
  readonly place: Place
  readonly graph: StoredGraph
  readonly before: { readonly nodes: number; readonly relationships: number; readonly dangling: number }
  private readonly writer: RowWriter
  private readonly remover: RowRemover
  private readonly hasTriggers: boolean
  private indexes: ReadonlyArray<string>
  private intact = true

  constructor(place: Place, db: Database.Database, found: Layout) {
    const { layout, indexes } = createTables(db, found)
    this.place = place
    this.graph = { db, layout, location: place.location }
    this.indexes = indexes
    this.before = found.hasRows
      ? { ...counts(this.graph), dangling: danglingCount(this.graph) }
      : { nodes: 0, relationships: 0, dangling: 0 }
    this.writer = new RowWriter(this.graph)
    this.remover = new RowRemover(this.graph, this.writer)
    this.hasTriggers = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'trigger'").get() !== undefined
  }

  private attempt<A>(phase: string, what: string, run: () => A): Effect.Effect<A, WriteFailed> {
    return Effect.try({ try: run, catch: (cause) => writeFailed(this.place.location, phase, what, cause) })
  }

  /** Journals and writes a batch. */
  write(journal: Journal, batch: WriteBatch): Effect.Effect<void, MigrationError> {
    return Effect.gen(this, function* () {
      const number = yield* journal.intend(batch, { durable: false })
      yield* this.attempt("import", "written", () => this.writeWholly(batch)).pipe(
        Effect.tapError((error) => (isRefusal(error) ? journal.withdraw(number) : Effect.void))
      )
      yield* journal.acknowledge(number)
    })
  }

  // Where a record is refused, nothing of its batch stays, and the session can go on. After anything else it cannot.
  private writeWholly(batch: WriteBatch): void {
    const { db, location } = this.graph
    this.checkOpen()
    // A savepoint keeps a copy of every page that a batch changes: a load took 16 % longer (measured). What a batch has
    // created can be taken away as well, unless a trigger does more with it.
    const { remove = [] } = batch
    const exactly = this.hasTriggers || batch.overwrite.length > 0 || remove.length > 0
    const { written } = this.writer
    const { removed } = this.remover
    if (exactly) db.exec("SAVEPOINT batch")
    this.intact = false
    try {
      this.remover.removeNamed(remove)
      this.writer.write(batch)
      if (exactly) db.exec("RELEASE batch")
    } catch (cause) {
      if (!db.inTransaction) throw ended(location, cause)
      if (!isRefusal(cause)) throw cause
      if (exactly) {
        db.exec("ROLLBACK TO batch; RELEASE batch")
        this.writer.forget(written)
        this.remover.forget(removed)
      } else this.writer.revoke(batch.create[0]?._tag ?? "Node")
      this.intact = true
      throw cause
    }
    this.intact = true
  }

  /** The driver's `takeBack`. */
  takeBack(batch: JournalBatch, part: BatchPart): Effect.Effect<ReadonlyArray<Left>, WriteFailed> {
    return this.attempt("undo", "written", () => {
      this.checkOpen()
      this.intact = false
      const left = this.remover.takeBack(batch, part)
      if (!this.graph.db.inTransaction) throw ended(this.place.location)
      this.intact = true
      return left
    })
  }

  // A constraint or trigger of the store's own may roll back more than its statement.
  private checkOpen(): void {
    if (!this.intact || !this.graph.db.inTransaction) throw ended(this.place.location)
  }

  /** Builds the indexes that waited for the end of the load; once. */
  readonly seal: Effect.Effect<void, WriteFailed> = Effect.suspend(() => {
    const indexes = this.indexes
    this.indexes = []
    return Effect.forEach(
      indexes,
      (sql) =>
        Effect.zipRight(
          breathe,
          this.attempt("import", "indexed", () => this.graph.db.exec(sql))
        ),
      { discard: true }
    )
  })

  /** The counts that the store must have after publication. */
  get expected(): { readonly nodes: number; readonly relationships: number } {
    const { removed } = this.remover
    const { written } = this.writer
    return {
      nodes: this.before.nodes + written.nodes - removed.nodes,
      relationships: this.before.relationships + written.relationships - removed.relationships
    }
  }

  /** What must hold before anything is published. */
  readonly check: Effect.Effect<void, WriteFailed> = Effect.suspend(() => {
    const { location } = this.place
    const refuse = (reason: "driver" | "conservation", message: string) =>
      Effect.fail(
        failed(location, "publish", reason, `${message} Nothing is published; what this run had written is undone.`)
      )
    if (!this.intact) return refuse("driver", `An earlier batch failed on ${location}.`)
    return Effect.flatMap(
      this.attempt("publish", "checked", () => ({ now: counts(this.graph), dangling: danglingCount(this.graph) })),
      ({ now, dangling }) => {
        const { nodes, relationships } = this.expected
        if (now.nodes !== nodes || now.relationships !== relationships) {
          return refuse(
            "conservation",
            `${location} holds ${now.nodes} nodes and ${now.relationships} relationships where ${nodes} and ${relationships} were expected.`
          )
        }
        return dangling > this.before.dangling
          ? refuse(
              "conservation",
              `${dangling - this.before.dangling} relationship(s) would end at nodes that ${location} does not have.`
            )
          : Effect.void
      }
    )
  })

  /** The part of a driver that does not depend on the kind of session. */
  driver(
    journal: Journal
  ): Pick<SessionDriver, "backend" | "location" | "exposed" | "write" | "takeBack" | "read" | "lookup"> {
    return {
      backend: KIND,
      location: this.place.location,
      exposed: false,
      write: (batch) => this.write(journal, batch),
      takeBack: (batch, part) => this.takeBack(batch, part),
      read: Stream.unwrap(
        Effect.as(
          Effect.mapError(this.seal, (error) => readFailed(this.place.location, this.place.file, error.cause)),
          stream(this.graph, this.place)
        )
      ),
      lookup: (records) =>
        Effect.try({ try: () => lookup(this.graph, records), catch: (cause) => readError(this.place, cause) })
    }
  }
}
