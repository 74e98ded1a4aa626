/** One record of a graph in memory changed, and how a verification must name it. */
import { canonicalLine } from "../../src/domain/Canonical.ts"
import { describe, type GraphRecord, node, type Node, relationship, type Relationship } from "../../src/domain/Graph.ts"
import type { PropertyValue } from "../../src/domain/PropertyValue.ts"
import { pick, smallestChange } from "./changes.ts"

/** How a difference must read; `property` undefined: any, or none. */
export interface Expected {
  readonly kind?: "missing" | "extra" | "changed"
  readonly record: "node" | "relationship"
  readonly key: string
  readonly property?: string | undefined
}

/** A change: the graph with it, and the differences that name it. */
export interface Change {
  readonly what: string
  readonly records: ReadonlyArray<GraphRecord>
  readonly expected: ReadonlyArray<Expected>
}

const nameOf = (record: GraphRecord): Pick<Expected, "record" | "key"> => ({
  record: record._tag === "Node" ? "node" : "relationship",
  key: describe(record)
})

const without = <A>(values: { readonly [name: string]: A }, name: string): { readonly [name: string]: A } =>
  Object.fromEntries(Object.entries(values).filter(([other]) => other !== name))

/** The record with one property changed, added or removed; its name. */
const changedProperty = (next: () => number, record: GraphRecord): readonly [string, GraphRecord, string] => {
  const names = Object.keys(record.properties)
  const draw = next()
  const set = (name: string, value: PropertyValue) => ({
    ...record,
    properties: { ...record.properties, [name]: value }
  })
  if (names.length === 0 || draw < 0.1)
    return ["added", set("unforeseen", pick(next, ["", false, 0n, 0])), "unforeseen"]
  const name = pick(next, names)
  if (draw < 0.2) return ["removed", { ...record, properties: without(record.properties, name) }, name]
  return ["changed", set(name, smallestChange(next, record.properties[name] ?? null)), name]
}

const changedLabels = (next: () => number, { key, labels, properties }: Node): Node => {
  const [first = "", ...others] = labels
  return node(
    key,
    pick(next, [[...labels, "Extra"], others.length < labels.length ? others : ["Extra"], [`${first}x`, ...others]]),
    properties
  )
}

type Ends = "type" | "from" | "to"

const changedEnds = (
  next: () => number,
  one: Relationship,
  keys: ReadonlyArray<string>
): readonly [Ends, Relationship] => {
  const { from, key, properties, to, type } = one
  const other = pick(next, keys)
  switch (pick(next, ["type", "from", "to"] as const)) {
    case "from":
      return other === from
        ? ["type", { ...one, type: `${type}_` }]
        : ["from", relationship(key, other, type, to, properties)]
    case "to":
      return other === to
        ? ["type", { ...one, type: `${type}_` }]
        : ["to", relationship(key, from, type, other, properties)]
    default:
      return ["type", { ...one, type: pick(next, [`${type}_`, `x${type.slice(1)}`, `${type} `]) }]
  }
}

/** How the target was before the load. */
export interface Situation {
  readonly fresh: boolean
  /** Lines of the relationships without a key that the target held before: more of them may be anybody's. */
  readonly held: ReadonlySet<string>
  /** Our records, as they stand in the target. */
  readonly ours: ReadonlyArray<number>
}

const replaced = (records: ReadonlyArray<GraphRecord>, at: number, by: GraphRecord) => records.with(at, by)

/** Draws one change of one of our records. */
export const drawChange = (
  next: () => number,
  records: ReadonlyArray<GraphRecord>,
  { fresh, held, ours }: Situation
): Change => {
  const at = pick(next, ours)
  const record = records[at]
  if (record === undefined) throw new Error("no such record")
  const name = nameOf(record)
  const draw = next()
  const change = (what: string, changed: ReadonlyArray<GraphRecord>, ...expected: ReadonlyArray<Expected>): Change => ({
    what: `${what} of ${record._tag} ${describe(record)}`,
    records: changed,
    expected
  })
  // A relationship without a key has no other name than its ends and type: another one is another relationship.
  const renamed = (what: string, other: GraphRecord): Change =>
    change(
      what,
      replaced(records, at, other),
      { ...name, kind: "missing" },
      ...(fresh ? [{ ...nameOf(other), kind: "extra" as const }] : [])
    )

  if (draw < 0.05) return change("deletion", records.toSpliced(at, 1), { ...name, kind: "missing" })
  if (draw < 0.1 && fresh) {
    const extra =
      record._tag === "Node"
        ? { ...record, key: `${record.key}+` }
        : { ...record, key: record.key === null ? "new" : `${record.key}+` }
    return change("an extra copy", [...records, extra], { ...nameOf(extra), kind: "extra" })
  }
  if (draw < 0.16 && record._tag === "Relationship" && !held.has(canonicalLine(record))) {
    return change("a doubling", [...records, record], { ...name, kind: "extra" })
  }
  if (draw < 0.25 && record._tag === "Node") {
    return change("labels", replaced(records, at, changedLabels(next, record)), {
      ...name,
      kind: "changed",
      property: "labels"
    })
  }
  if (draw < 0.3 && record._tag === "Relationship") {
    const key = record.key === null ? "new" : next() < 0.3 ? null : `${record.key}x`
    return renamed("key", { ...record, key })
  }
  if (draw < 0.45 && record._tag === "Relationship") {
    const keys = records.filter(({ _tag }) => _tag === "Node").map((one) => one.key ?? "")
    const [end, other] = changedEnds(next, record, keys)
    if (record.key === null) return renamed(end, other)
    return change(end, replaced(records, at, other), { ...name, kind: "changed", property: end })
  }
  const [what, other, property] = changedProperty(next, record)
  // Where it becomes just what another one without a key is already, one of them is missing, and no property is wrong.
  const line = canonicalLine(other)
  const merges = !fresh && record.key === null && records.some((one) => canonicalLine(one) === line)
  return change(
    `property ${JSON.stringify(property)} ${what}`,
    replaced(records, at, other),
    merges ? { ...name, kind: "missing" } : { ...name, kind: "changed", property }
  )
}
