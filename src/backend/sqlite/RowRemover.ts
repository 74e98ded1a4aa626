/**
 * Removes rows: those that a batch names, and what an earlier session of the run has written (the driver's `takeBack`);
 * inside whatever transaction the connection has open: what is compared and what is changed are one moment.
 *
 * A row is ours while its canonical line is what the journal says. Foreign keys are off: nothing else goes with a row,
 * and a node that a relationship still ends at stays. `invalidated_by` is no end; it may lead nowhere, as ever.
 */
import type Database from "better-sqlite3"
import { canonicalLine } from "../../domain/Canonical.ts"
import type { Left } from "../../domain/Errors.ts"
import { lineHash } from "../../domain/Fingerprint.ts"
import { describe, type GraphRecord, relationship } from "../../domain/Graph.ts"
import type { BatchPart, CreatedRecord, JournalBatch } from "../Journal.ts"
import type { Overwrite } from "../WriteSession.ts"
import { failed, isRecordRefused } from "./errors.ts"
import { putBack } from "./putBack.ts"
import { type RowWriter, unkeyedPrefix, type Written } from "./RowWriter.ts"
import { LIST, rowsOf, type StoredGraph, type StoredRow } from "./StoredGraph.ts"

const CHANGED = "it is not what this run wrote any more"

const lineOf = ({ record }: StoredRow): string | undefined => (record === undefined ? undefined : canonicalLine(record))

const hashOf = (row: StoredRow): string => {
  const line = lineOf(row)
  return line === undefined ? "" : lineHash(line).toString("hex")
}

const nameOf = ({ from = "", key, tag, to = "", type = "" }: CreatedRecord): string =>
  tag === "Node" ? `node ${key}` : `relationship ${describe(relationship(key, from, type, to, {}))}`

/** The remover of one session. Its methods throw what the driver throws. */
export class RowRemover {
  private readonly graph: StoredGraph
  private readonly writer: RowWriter
  private readonly deleteNode: Database.Statement<[string]>
  private readonly deleteRelationship: Database.Statement<[string]>
  private nodes = 0
  private relationships = 0
  // Equal relationships cannot be told apart: a second time would take somebody else's.
  private readonly doneUnkeyed = new Set<number>()
  private readonly backUnkeyed = new Set<number>()

  constructor(graph: StoredGraph, writer: RowWriter) {
    const { db, layout } = graph
    this.graph = graph
    this.writer = writer
    this.deleteNode = db.prepare(`DELETE FROM ${layout.codec.nodeTable} WHERE id = ?`)
    this.deleteRelationship = db.prepare("DELETE FROM relationships WHERE id = ?")
  }

  /** Rows taken away so far, for the check before publication. */
  get removed(): Written {
    return { nodes: this.nodes, relationships: this.relationships }
  }

  /** Takes back one part of a batch; returns what had to stay. After an exception part of it may be taken back. */
  takeBack(batch: JournalBatch, part: BatchPart): ReadonlyArray<Left> {
    if (part === "overwritten") return this.restore(batch.overwritten)
    if (part === "removed") return this.putBack(batch)
    const created = batch.created.filter(({ tag }) => tag === part)
    if (part === "Node") return this.removeKeyed(part, created, (keys) => this.attachedTo(keys))
    const left = this.removeKeyed(
      part,
      created.filter(({ key }) => key !== null),
      () => new Map()
    )
    if (this.doneUnkeyed.has(batch.number)) return left
    const more = this.removeUnkeyed(created.filter(({ key }) => key === null))
    this.doneUnkeyed.add(batch.number)
    return [...left, ...more]
  }

  /** Counts as it did then: what was removed since is rolled back. */
  forget({ nodes, relationships }: Written): void {
    this.nodes = nodes
    this.relationships = relationships
  }

  /** Removes records that a batch names; throws WriteFailed where one is not there just so, or has something attached. */
  removeNamed(records: ReadonlyArray<GraphRecord>): void {
    const [first] = records
    if (first === undefined) return
    const rows = new Map<string, Array<string>>()
    for (const row of this.standing(records)) {
      const line = lineOf(row)
      if (line !== undefined) rows.set(line, [...(rows.get(line) ?? []), row.id])
    }
    const attached = first._tag === "Node" ? this.attachedTo(new Set(records.map(({ key }) => key ?? ""))) : new Map()
    for (const record of records) {
      // Of equal ones the latest: they have the highest numbers.
      const id = rows.get(canonicalLine(record))?.sort(byLength).pop()
      if (id === undefined) throw this.changed(record, "is not there any more as it was read")
      if (attached.has(id)) throw this.changed(record, "has relationships left")
      this.remove(record._tag, id, (why) => {
        throw this.changed(record, `stays: ${why}`)
      })
    }
  }

  private changed(record: GraphRecord, what: string) {
    const { location } = this.graph
    const message = `${describe(record)} was to be removed from ${location} and ${what}. Nothing of this batch was written; run again.`
    return failed(location, "import", "store-changed", message)
  }

  private standing(records: ReadonlyArray<GraphRecord>): ReadonlyArray<StoredRow> {
    const links = records.filter((record) => record._tag === "Relationship")
    const keys = new Set(records.flatMap(({ key }) => (key === null ? [] : [key])))
    const byKey = rowsOf(this.graph, links.length > 0 ? "Relationship" : "Node", `id IN ${LIST}`, [keys])
    const unkeyed = links.filter(({ key }) => key === null)
    if (unkeyed.length === 0) return byKey
    const ends = [new Set(unkeyed.map(({ from }) => from)), new Set(unkeyed.map(({ to }) => to))]
    const between = rowsOf(this.graph, "Relationship", `from_id IN ${LIST} AND +to_id IN ${LIST}`, ends)
    return [...byKey, ...between.filter(({ record }) => record?.key === null)]
  }

  private putBack(batch: JournalBatch): ReadonlyArray<Left> {
    const removed = batch.removed.filter(({ key }) => key !== null || !this.backUnkeyed.has(batch.number))
    this.backUnkeyed.add(batch.number)
    return putBack(this.graph, removed, (record, stay) =>
      this.unlessRefused(() => (this.writer.putBack(record) ? 1 : 0), stay)
    )
  }

  private removeKeyed(
    tag: GraphRecord["_tag"],
    created: ReadonlyArray<CreatedRecord>,
    attachedTo: (keys: ReadonlySet<string>) => ReadonlyMap<string, number>
  ): ReadonlyArray<Left> {
    const byKey = new Map(created.map((one) => [one.key ?? "", one]))
    if (byKey.size === 0) return []
    const left: Array<Left> = []
    const keys = new Set(byKey.keys())
    const attached = attachedTo(keys)
    for (const row of rowsOf(this.graph, tag, `id IN ${LIST}`, [keys])) {
      const one = byKey.get(row.id)
      if (one === undefined) continue
      const stay = (why: string) => left.push({ what: nameOf(one), why })
      const ends = attached.get(row.id)
      if (hashOf(row) !== one.hash.toString("hex")) stay(CHANGED)
      else if (ends !== undefined) stay(`${ends} relationship(s) still end at it`)
      else this.remove(tag, row.id, stay)
    }
    return left
  }

  // Each table once a batch, by its index where there is one.
  private attachedTo(keys: ReadonlySet<string>): ReadonlyMap<string, number> {
    const attached = new Map<string, number>()
    const list = JSON.stringify([...keys])
    for (const end of ["from_id", "to_id"]) {
      const loops = end === "to_id" ? " AND from_id <> to_id" : ""
      const rows = this.graph.db
        .prepare<[string], [string, number]>(
          `SELECT ${end}, count(*) FROM relationships WHERE ${end} IN ${LIST}${loops} GROUP BY ${end}`
        )
        .raw()
        .all(list)
      for (const [key, count] of rows) attached.set(key, (attached.get(key) ?? 0) + count)
    }
    return attached
  }

  private removeUnkeyed(created: ReadonlyArray<CreatedRecord>): ReadonlyArray<Left> {
    const wanted = new Map<string, Array<CreatedRecord>>()
    for (const one of created) {
      const hash = one.hash.toString("hex")
      const list = wanted.get(hash)
      if (list === undefined) wanted.set(hash, [one])
      else list.push(one)
    }
    if (wanted.size === 0) return []
    const left: Array<Left> = []
    const equal = new Map<string, Array<string>>()
    const ends = [new Set(created.map(({ from = "" }) => from)), new Set(created.map(({ to = "" }) => to))]
    for (const row of rowsOf(this.graph, "Relationship", `from_id IN ${LIST} AND +to_id IN ${LIST}`, ends)) {
      const hash = hashOf(row)
      if (wanted.has(hash)) equal.set(hash, [...(equal.get(hash) ?? []), row.id])
    }
    for (const [hash, list] of wanted) {
      // Ours are the latest of equal ones: they have the highest numbers.
      const ids = (equal.get(hash) ?? []).sort(byLength).reverse()
      list.forEach((one, n) => {
        const id = ids[n]
        if (id !== undefined) this.remove("Relationship", id, (why) => left.push({ what: nameOf(one), why }))
      })
      const missing = list.slice(ids.length)
      const changed = missing.length === 0 ? [] : this.changedSince(missing[0], hash)
      for (const one of missing.slice(0, changed.length)) left.push({ what: nameOf(one), why: CHANGED })
    }
    return left
  }

  // Rows that were made for such a line and hold another one now.
  private changedSince(one: CreatedRecord | undefined, hash: string): ReadonlyArray<StoredRow> {
    if (one === undefined) return []
    const prefix = unkeyedPrefix(one.hash)
    const range = `id >= (SELECT value FROM json_each(?)) AND id < (SELECT value FROM json_each(?))`
    const bounds = [new Set([prefix]), new Set([`${prefix.slice(0, -1)}.`])]
    return rowsOf(this.graph, "Relationship", range, bounds).filter((row) => hashOf(row) !== hash)
  }

  private remove(tag: GraphRecord["_tag"], id: string, stay: (why: string) => void): void {
    const statement = tag === "Node" ? this.deleteNode : this.deleteRelationship
    const removed = this.unlessRefused(() => statement.run(id).changes, stay)
    if (tag === "Node") this.nodes += removed
    else this.relationships += removed
  }

  private restore(overwritten: ReadonlyArray<Overwrite>): ReadonlyArray<Left> {
    const left: Array<Left> = []
    // The latest first: a batch may hold a record twice.
    for (const overwrite of overwritten.toReversed()) {
      const { after, before } = overwrite
      const stay = (why: string) =>
        left.push({
          what: `the state before of ${after._tag === "Node" ? "node" : "relationship"} ${describe(before)}`,
          why
        })
      const rows = this.counterparts(after)
      const line = canonicalLine(after)
      const row = rows.find((one) => lineOf(one) === line)
      if (row === undefined) {
        const asBefore = canonicalLine(before)
        if (rows.length > 0 && !rows.some((one) => lineOf(one) === asBefore)) stay(CHANGED)
      } else if (this.lacksEnd(overwrite)) stay("a node that it ended at is not there any more")
      else this.unlessRefused(() => this.writer.replace(row.id, before), stay)
    }
    return left
  }

  private counterparts(record: GraphRecord): ReadonlyArray<StoredRow> {
    if (record.key !== null) return rowsOf(this.graph, record._tag, `id IN ${LIST}`, [new Set([record.key])])
    if (record._tag === "Node") return []
    const ends = [new Set([record.from]), new Set([record.to])]
    return rowsOf(this.graph, "Relationship", `from_id IN ${LIST} AND +to_id IN ${LIST}`, ends).filter(
      (row) => row.record === undefined || (row.record.key === null && isOfType(row.record, record.type))
    )
  }

  // Ends that the state before has and the present one does not may be gone meanwhile.
  private lacksEnd({ after, before }: Overwrite): boolean {
    if (before._tag === "Node" || after._tag === "Node") return false
    const ends = new Set([before.from, before.to].filter((end) => end !== after.from && end !== after.to))
    return ends.size > 0 && rowsOf(this.graph, "Node", `id IN ${LIST}`, [ends]).length < ends.size
  }

  // A constraint or trigger of the store's owner says no: what it protects stays.
  private unlessRefused(run: () => number, stay: (why: string) => void): number {
    try {
      const changes = run()
      if (changes === 0) stay("a trigger of the store's own keeps it")
      return changes
    } catch (cause) {
      // Outside of the transaction nothing more may be written.
      if (!(cause instanceof Error && isRecordRefused(cause) && this.graph.db.inTransaction)) throw cause
      stay(`the store refuses it (${cause.message})`)
      return 0
    }
  }
}

const isOfType = (record: GraphRecord, type: string): boolean => record._tag === "Relationship" && record.type === type

const byLength = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1)
