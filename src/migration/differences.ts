/** Finding and naming differences between two graphs, in bounded memory: each side's lines go to a private file. */
import type Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { canonicalLine, canonicalValue, parseLine, sortNames } from "../domain/Canonical.ts"
import type { Difference } from "../domain/Errors.ts"
import { describe, type GraphRecord, property } from "../domain/Graph.ts"
import { temporaryDatabase as openTemporary } from "../files/temporaryDatabase.ts"

/** How many differences are named; all are counted. */
export const SHOWN_DIFFERENCES = 100

/** Differences: the first ones, and how many there are. */
export class DifferenceList {
  readonly shown: Array<Difference> = []
  total = 0
  private readonly limit: number

  constructor(limit: number = SHOWN_DIFFERENCES) {
    this.limit = limit
  }

  add(found: Difference): void {
    this.total++
    if (this.shown.length < this.limit) this.shown.push(found)
  }
}

const LONGEST = 120
const BEFORE = 40

/** Two texts as they are shown: of long ones the part where they begin to differ. */
const excerpts = (was: string, is: string): readonly [string, string] => {
  if (was.length <= LONGEST && is.length <= LONGEST) return [was, is]
  let at = 0
  while (at < was.length && was[at] === is[at]) at++
  const from = Math.max(0, at - BEFORE)
  const cut = (text: string) =>
    `${from > 0 ? "..." : ""}${text.slice(from, from + LONGEST)}${text.length > from + LONGEST ? "..." : ""}`
  return [cut(was), cut(is)]
}

const named = (record: GraphRecord): "node" | "relationship" => (record._tag === "Node" ? "node" : "relationship")

/** Names the first difference between a record and its counterpart. */
export const difference = (expected: GraphRecord | undefined, actual: GraphRecord | undefined): Difference => {
  if (expected === undefined || actual === undefined) {
    const record = expected ?? actual
    if (record === undefined) return { kind: "missing", record: "node", key: "" }
    return { kind: actual === undefined ? "missing" : "extra", record: named(record), key: describe(record) }
  }
  const at = (name: string, was: string, is: string): Difference => {
    const [shownWas, shownIs] = excerpts(was, is)
    return {
      kind: "changed",
      record: named(expected),
      key: describe(expected),
      property: name,
      expected: shownWas,
      actual: shownIs
    }
  }
  if (expected._tag === "Node" && actual._tag === "Node") {
    const [was, is] = [sortNames(expected.labels).join(", "), sortNames(actual.labels).join(", ")]
    if (was !== is) return at("labels", was, is)
  }
  if (expected._tag === "Relationship" && actual._tag === "Relationship") {
    for (const field of ["type", "from", "to"] as const) {
      if (expected[field] !== actual[field]) return at(field, expected[field], actual[field])
    }
  }
  const names = new Set([...Object.keys(expected.properties), ...Object.keys(actual.properties)])
  for (const name of sortNames([...names])) {
    const [was, is] = [property(expected.properties, name), property(actual.properties, name)]
    const [wasText, isText] = [
      was === undefined ? "absent" : canonicalValue(was),
      is === undefined ? "absent" : canonicalValue(is)
    ]
    if (wasText !== isText) return at(name, wasText, isText)
  }
  return { kind: "changed", record: named(expected), key: describe(expected) }
}

const differingNames = (a: GraphRecord, b: GraphRecord): number => {
  const names = new Set([...Object.keys(a.properties), ...Object.keys(b.properties)])
  let differing = 0
  for (const name of names) {
    const [was, is] = [property(a.properties, name), property(b.properties, name)]
    if (was === undefined || is === undefined || canonicalValue(was) !== canonicalValue(is)) differing++
  }
  return differing
}

/**
 * What a record without a key became, as far as can be told: the stored one of the same ends and type that differs in
 * one property and is none of the expected (`lines`); undefined where there is none.
 */
export const changedUnkeyed = (
  record: GraphRecord,
  lines: ReadonlyArray<string>,
  existing: ReadonlyArray<GraphRecord>
): GraphRecord | undefined => {
  const name = describe(record)
  const near = existing.filter(
    (other) => other.key === null && describe(other) === name && differingNames(record, other) === 1
  )
  return near.find((other) => !lines.includes(canonicalLine(other)))
}

/**
 * Compares two graphs as multisets of lines and pairs what is left over by key. `expected` comes in batches with their
 * lines, as the spool gives them; `actual` as a stream of records.
 */
export const compare = <E1, E2>(
  expected: Stream.Stream<{ readonly lines: ReadonlyArray<string> }, E1>,
  actual: Stream.Stream<GraphRecord, E2>,
  limit?: number
): Effect.Effect<DifferenceList, E1 | E2> =>
  Effect.scoped(
    Effect.gen(function* () {
      const db = yield* Effect.acquireRelease(
        Effect.sync(() => {
          // An empty name is SQLite's own temporary file, gone when it is closed.
          const opened = openTemporary()
          opened.exec("CREATE TABLE line (line BLOB PRIMARY KEY, balance INTEGER NOT NULL) WITHOUT ROWID; BEGIN")
          return opened
        }),
        (opened) => Effect.sync(() => opened.close())
      )
      const add = db.prepare(
        "INSERT INTO line VALUES (?, ?) ON CONFLICT (line) DO UPDATE SET balance = balance + excluded.balance"
      )
      yield* expected.pipe(
        Stream.runForEach(({ lines }) =>
          Effect.sync(() => {
            for (const line of lines) add.run(Buffer.from(line), 1)
          })
        )
      )
      yield* actual.pipe(
        Stream.chunks,
        Stream.runForEach((chunk) =>
          Effect.sync(() => {
            for (const record of chunk) add.run(Buffer.from(canonicalLine(record)), -1)
          })
        )
      )
      return yield* Effect.sync(() => collect(db, limit))
    })
  )

const PAGE = 1000

const read = (line: Buffer): GraphRecord =>
  Either.getOrThrowWith(parseLine(line.toString("utf8")), (problem) => new Error(problem.message))

const collect = (db: Database.Database, limit: number | undefined): DifferenceList => {
  const list = new DifferenceList(limit)
  db.exec("CREATE TABLE pair (key BLOB NOT NULL, line BLOB NOT NULL, balance INTEGER NOT NULL)")
  const insert = db.prepare("INSERT INTO pair VALUES (?, ?, ?)")
  // In pages: nothing can be written while a statement is being read from.
  const unequal = db.prepare<[Buffer], { line: Buffer; balance: number }>(
    `SELECT line, balance FROM line WHERE balance <> 0 AND line > ? ORDER BY line LIMIT ${PAGE}`
  )
  for (let page = unequal.all(Buffer.alloc(0)); page.length > 0; page = unequal.all(page.at(-1)?.line ?? Buffer.of())) {
    for (const { balance, line } of page) {
      const record = read(line)
      // Quoted: UTF-8 would merge all lone surrogates.
      insert.run(Buffer.from(record._tag + JSON.stringify(describe(record))), line, balance)
    }
  }
  let missing: { readonly key: string; readonly record: GraphRecord; left: number } | undefined
  const rows = db.prepare<[], { key: Buffer; line: Buffer; balance: number }>(
    "SELECT * FROM pair ORDER BY key, balance DESC"
  )
  const flush = () => {
    for (; missing !== undefined && missing.left > 0; missing.left--) list.add(difference(missing.record, undefined))
    missing = undefined
  }
  for (const { balance, key, line } of rows.iterate()) {
    const name = key.toString("utf8")
    const record = read(line)
    if (missing !== undefined && missing.key !== name) flush()
    if (balance > 0) {
      flush()
      missing = { key: name, record, left: balance }
      continue
    }
    for (let extra = -balance; extra > 0; extra--) {
      if (missing !== undefined && missing.left > 0) {
        list.add(difference(missing.record, record))
        missing.left--
      } else {
        list.add(difference(undefined, record))
      }
    }
  }
  flush()
  return list
}
