/**
 * GRAPH.BULK: records as bytes instead of Cypher, for graphs that nobody else sees yet (a private copy, a staging key).
 * Measured against UNWIND in one run: nodes 4 times, relationships 8 times as fast.
 *
 * A token is `name\0`, the number of columns, their names, and rows of values; here all rows of a token have the same
 * properties, so that nothing is ever null. The engine splits a node's name at colons into labels, gives a node of the
 * empty name the empty label, and does not check that the ends of a relationship exist.
 */
import type { Properties } from "../../domain/Graph.ts"
import { isList, type PropertyValue } from "../../domain/PropertyValue.ts"
import type { StoredNode, StoredRelationship } from "./stored.ts"

const TYPE = { boolean: 1, double: 2, string: 3, integer: 4, list: 5 } as const

const isBulkValue = (value: PropertyValue | null): boolean =>
  typeof value === "object" ? value !== null && isList(value) && value.every(isBulkValue) : value !== null

const isBulk = (properties: Properties): boolean => Object.values(properties).every(isBulkValue)

/** True for a node that can go this way: with labels that are names without a colon, and simple values. */
export const isBulkNode = ({ labels, properties }: StoredNode): boolean =>
  labels.length > 0 && labels.every((label) => label !== "" && !label.includes(":")) && isBulk(properties)

/** True for a relationship that can go this way. */
export const isBulkRelationship = ({ properties, type }: StoredRelationship): boolean =>
  type !== "" && !type.includes(":") && isBulk(properties)

// Bytes that grow; written little-endian throughout.
class Bytes {
  private buffer = Buffer.allocUnsafe(4096)
  private length = 0

  // To be called before `buffer` is looked at: it may be another one afterwards.
  private room(bytes: number): number {
    const start = this.length
    this.length += bytes
    if (this.length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, this.buffer.length * 2))
      this.buffer.copy(larger, 0, 0, start)
      this.buffer = larger
    }
    return start
  }

  byte(value: number): void {
    const at = this.room(1)
    this.buffer[at] = value
  }

  count(value: number): void {
    const at = this.room(4)
    this.buffer.writeUInt32LE(value, at)
  }

  integer(value: bigint): void {
    const at = this.room(8)
    this.buffer.writeBigInt64LE(value, at)
  }

  double(value: number): void {
    const at = this.room(8)
    this.buffer.writeDoubleLE(value, at)
  }

  text(value: string): void {
    const size = Buffer.byteLength(value)
    const at = this.room(size + 1)
    this.buffer.write(value, at)
    this.buffer[at + size] = 0
  }

  value(value: PropertyValue | null): void {
    switch (typeof value) {
      case "boolean":
        this.byte(TYPE.boolean)
        return this.byte(value ? 1 : 0)
      case "number":
        this.byte(TYPE.double)
        return this.double(value)
      case "bigint":
        this.byte(TYPE.integer)
        return this.integer(value)
      case "string":
        this.byte(TYPE.string)
        return this.text(value)
      default: {
        if (value === null || !isList(value)) throw new Error("This value cannot be sent by GRAPH.BULK.")
        this.byte(TYPE.list)
        this.integer(BigInt(value.length))
        for (const item of value) this.value(item)
      }
    }
  }

  finish(): Buffer {
    return this.buffer.subarray(0, this.length)
  }
}

/** A row of either kind: what goes before its properties, and those. */
interface Row {
  readonly name: string
  readonly ends?: readonly [number, number] | undefined
  readonly properties: Properties
}

const tokens = (rows: ReadonlyArray<Row>): ReadonlyArray<Buffer> => {
  const groups = new Map<string, { readonly names: ReadonlyArray<string>; readonly bytes: Bytes }>()
  for (const { ends, name, properties } of rows) {
    const names = Object.keys(properties)
    // NUL is in no name.
    const signature = [name, ...names].join("\0")
    let group = groups.get(signature)
    if (group === undefined) {
      group = { names, bytes: new Bytes() }
      groups.set(signature, group)
      group.bytes.text(name)
      group.bytes.count(names.length)
      for (const column of names) group.bytes.text(column)
    }
    for (const end of ends ?? []) group.bytes.integer(BigInt(end))
    for (const column of group.names) group.bytes.value(properties[column] ?? null)
  }
  return Array.from(groups.values(), ({ bytes }) => bytes.finish())
}

/** The arguments of GRAPH.BULK, after the key, that create these nodes. */
export const bulkNodes = (nodes: ReadonlyArray<StoredNode>): ReadonlyArray<string | Buffer> => {
  const found = tokens(nodes.map(({ labels, properties }) => ({ name: labels.join(":"), properties })))
  return [String(nodes.length), "0", String(found.length), "0", ...found]
}

/** A stored relationship and the engine's ids of its ends. */
export interface PlacedRelationship extends StoredRelationship {
  readonly ends: readonly [number, number]
}

/** The arguments of GRAPH.BULK, after the key, that create these relationships. */
export const bulkRelationships = (links: ReadonlyArray<PlacedRelationship>): ReadonlyArray<string | Buffer> => {
  const found = tokens(links.map(({ ends, properties, type }) => ({ name: type, ends, properties })))
  return ["0", String(links.length), "0", String(found.length), ...found]
}
