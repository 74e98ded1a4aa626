/** Compares graphs that fit in memory, record by record, and says what differs in words. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { canonicalLine, canonicalValue, sortNames } from "../domain/Canonical.ts"
import type { Difference, MigrationError } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import { describe, type GraphRecord, property } from "../domain/Graph.ts"

/** All records of a stream, in its order. */
export const collect = <E extends MigrationError>(
  stream: Stream.Stream<GraphRecord, E>
): Effect.Effect<ReadonlyArray<GraphRecord>, E> => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

/** The fingerprint of records. */
export const fingerprintOf = (records: Iterable<GraphRecord>): Fingerprint.Fingerprint => {
  const builder = new Fingerprint.Builder()
  for (const record of records) builder.addLine(record._tag, canonicalLine(record))
  return builder.finish()
}

// The records of one list that have no equal partner in the other: a multiset difference, by canonical line.
const without = (records: ReadonlyArray<GraphRecord>, others: ReadonlyArray<GraphRecord>): Array<GraphRecord> => {
  const counts = new Map<string, number>()
  for (const other of others) {
    const line = canonicalLine(other)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return records.filter((record) => {
    const line = canonicalLine(record)
    const count = counts.get(line) ?? 0
    counts.set(line, count - 1)
    return count <= 0
  })
}

const facts = (record: GraphRecord): ReadonlyArray<readonly [string, string]> =>
  record._tag === "Node"
    ? [["labels", JSON.stringify(sortNames(record.labels))]]
    : [
        ["from", JSON.stringify(record.from)],
        ["type", JSON.stringify(record.type)],
        ["to", JSON.stringify(record.to)]
      ]

const changes = (expected: GraphRecord, actual: GraphRecord): ReadonlyArray<Difference> => {
  const kind = expected._tag === "Node" ? "node" : "relationship"
  const changed = (name: string, before: string | undefined, after: string | undefined): ReadonlyArray<Difference> =>
    before === after
      ? []
      : [
          {
            kind: "changed",
            record: kind,
            key: describe(expected),
            property: name,
            ...(before !== undefined && { expected: before }),
            ...(after !== undefined && { actual: after })
          }
        ]
  const found = new Map(facts(actual))
  const names = new Set([...Object.keys(expected.properties), ...Object.keys(actual.properties)])
  const text = (record: GraphRecord, name: string) => {
    const value = property(record.properties, name)
    return value === undefined ? undefined : canonicalValue(value)
  }
  return [
    ...facts(expected).flatMap(([name, before]) => changed(name, before, found.get(name))),
    ...[...names].flatMap((name) => changed(name, text(expected, name), text(actual, name)))
  ]
}

/**
 * What has to happen to `expected` to become `actual`: records missing, records extra, and, where a record of the same
 * name stands on both sides, its properties one by one. Equal records count (two are not one). Empty where equal.
 *
 * @example
 * ```ts
 * const found = differences(recordsOf(sent), recordsOf(arrived))
 * if (found.length > 0) throw new Error(showDifferences(found))
 * ```
 */
export const differences = (
  expected: ReadonlyArray<GraphRecord>,
  actual: ReadonlyArray<GraphRecord>
): ReadonlyArray<Difference> => {
  const extra = without(actual, expected)
  const result: Array<Difference> = []
  const record = (one: GraphRecord) => (one._tag === "Node" ? "node" : "relationship")
  for (const one of without(expected, actual)) {
    const partner = extra.findIndex((other) => other._tag === one._tag && describe(other) === describe(one))
    const other = extra[partner]
    if (other === undefined) result.push({ kind: "missing", record: record(one), key: describe(one) })
    else {
      extra.splice(partner, 1)
      const found = changes(one, other)
      // The same name, ends and values, yet another line: a key in place of none.
      if (found.length > 0) result.push(...found)
      else result.push({ kind: "changed", record: record(one), key: describe(one) })
    }
  }
  for (const other of extra) result.push({ kind: "extra", record: record(other), key: describe(other) })
  return result
}

const SHOWN = 5
const short = (text: string): string =>
  text.length > 120 ? `${text.slice(0, 120)}... (${text.length} characters)` : text

const show = (difference: Difference): string => {
  const name = `${difference.record} ${short(JSON.stringify(difference.key))}`
  if (difference.kind === "missing") return `${name} is missing`
  if (difference.kind === "extra") return `${name} should not be there`
  if (difference.property === undefined) return `${name} has another key`
  const expected = difference.expected === undefined ? "nothing" : short(difference.expected)
  const actual = difference.actual === undefined ? "nothing" : short(difference.actual)
  return `${name}: ${short(JSON.stringify(difference.property))} should be ${expected} and is ${actual}`
}

/** The first differences in words, and how many there are. */
export const showDifferences = (found: ReadonlyArray<Difference>): string => {
  const more = found.length - SHOWN
  return found.slice(0, SHOWN).map(show).join("; ") + (more > 0 ? `; and ${more} more` : "")
}
