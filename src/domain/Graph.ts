/**
 * The property graph as it travels: nodes and relationships with every label, every property and every parallel
 * relationship. Nothing here knows a backend.
 */
import type { PropertyValue } from "./PropertyValue.ts"

/**
 * Properties by name. An absent property and a null one are the same thing, so null never stands at this level.
 * The object may own a key named `__proto__`: read with {@link property}, list with `Object.keys`, build with
 * {@link setProperty}.
 */
export interface Properties {
  readonly [name: string]: PropertyValue
}

/**
 * A node. `key` is unique among the nodes of one graph: the `id` property where every node has a unique string one,
 * otherwise a generated key that is not a property (see {@link isGeneratedKey}).
 */
export interface Node {
  readonly _tag: "Node"
  readonly key: string
  /** May be empty; their order means nothing. */
  readonly labels: ReadonlyArray<string>
  readonly properties: Properties
}

/** A relationship. `from` and `to` are node keys; `key` is null where the graph has no unique string id for it. */
export interface Relationship {
  readonly _tag: "Relationship"
  readonly key: string | null
  readonly from: string
  readonly to: string
  readonly type: string
  readonly properties: Properties
}

/** One record of a graph. */
export type GraphRecord = Node | Relationship

/** Makes a node. */
export const node = (key: string, labels: ReadonlyArray<string>, properties: Properties): Node => ({
  _tag: "Node",
  key,
  labels,
  properties
})

/** Makes a relationship. */
export const relationship = (
  key: string | null,
  from: string,
  type: string,
  to: string,
  properties: Properties
): Relationship => ({ _tag: "Relationship", key, from, to, type, properties })

/** The property of that name, or undefined; never something inherited. */
export const property = (properties: Properties, name: string): PropertyValue | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : undefined

/** A properties object under construction. */
export interface MutableProperties {
  [name: string]: PropertyValue
}

/** Sets a property, also one named `__proto__`, which plain assignment would drop. */
export const setProperty = <A>(properties: { [name: string]: A }, name: string, value: A): void => {
  if (name === "__proto__") {
    Object.defineProperty(properties, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    properties[name] = value
  }
}

/** True where the record's key is not its own `id` property and must be kept beside it (`_mg_id`). */
export const isGeneratedKey = (record: GraphRecord): boolean =>
  record.key !== null && property(record.properties, "id") !== record.key

/**
 * How a record is called in messages and lists: a node's key; a relationship's key, or its ends and type where it has
 * none.
 */
export const describe = (record: GraphRecord): string =>
  record._tag === "Node" ? record.key : (record.key ?? `(${record.from})-[${record.type}]->(${record.to})`)
