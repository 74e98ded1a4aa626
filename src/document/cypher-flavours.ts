/**
 * How the Cypher of each engine writes names and values. What an engine can hold is known to its backend and taken from
 * there; only FalkorDB's backend writes literals at all, so those are taken too, and the others' are written here.
 */
import { canonicalFloat } from "../domain/Canonical.ts"
import { isList, isMap, Point, type PropertyValue, Temporal } from "../domain/PropertyValue.ts"
import { isNativeToken, memgraphProfile, neo4jProfile } from "../backend/bolt/values.ts"
import * as falkordb from "../backend/falkordb/literals.ts"

/** The engines that a script can be written for. */
export const CYPHER_FLAVOURS = ["neo4j", "memgraph", "falkordb"] as const
/** An engine that a script can be written for. */
export type CypherFlavour = (typeof CYPHER_FLAVOURS)[number]

/** Names of what a script needs while it runs. */
export interface Temporary {
  readonly label: string
  readonly property: string
}

/** What a script writes for one engine; every text is on one line. */
export interface Dialect {
  readonly holdsValue: (value: PropertyValue) => boolean
  /** True for a property's name, a label or a type that can be written. */
  readonly holdsName: (name: string) => boolean
  readonly name: (name: string) => string
  /** The literal of a value that it holds. */
  readonly literal: (value: PropertyValue) => string
  /** How many records a statement makes at most: engines parse long ones ever more slowly. */
  readonly rows: number
  /** Statements that make the index by which ends are found, and that remove it. */
  readonly createIndex: (temporary: Temporary) => ReadonlyArray<string>
  readonly dropIndex: (temporary: Temporary) => ReadonlyArray<string>
}

const ESCAPES: { readonly [c: string]: string } = { "\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r" }
const quote = (text: string): string => `'${text.replace(/[\\'\n\r]/g, (c) => ESCAPES[c] ?? c)}'`

const NAN_AND_INFINITIES = new Map([
  [Number.POSITIVE_INFINITY, "(1.0/0.0)"],
  [Number.NEGATIVE_INFINITY, "(-1.0/0.0)"]
])

// Not every grammar knows a plus sign in an exponent.
const float = (value: number): string =>
  Number.isNaN(value) ? "(0.0/0.0)" : (NAN_AND_INFINITIES.get(value) ?? canonicalFloat(value).replace("e+", "e"))

// Its absolute value is no integer of 64 bits.
const SMALLEST = -(2n ** 63n)
const integer = (value: bigint): string => (value === SMALLEST ? `(${SMALLEST + 1n}-1)` : value.toString())

const FUNCTIONS: { readonly [kind in Temporal["kind"]]: string } = {
  date: "date",
  time: "time",
  localTime: "localtime",
  dateTime: "datetime",
  localDateTime: "localdatetime",
  duration: "duration"
}

const MEMGRAPH_FUNCTIONS: typeof FUNCTIONS = { ...FUNCTIONS, localTime: "localTime", localDateTime: "localDateTime" }

const literalWith = (functions: typeof FUNCTIONS, name: (name: string) => string) => {
  const literal = (value: PropertyValue | null): string => {
    switch (typeof value) {
      case "string":
        return quote(value)
      case "bigint":
        return integer(value)
      case "number":
        return float(value)
      case "boolean":
        return String(value)
      default:
        if (value === null) return "null"
        if (isList(value)) return `[${value.map(literal).join(",")}]`
        if (value instanceof Temporal) return `${functions[value.kind]}('${value.text}')`
        if (value instanceof Point) {
          const z = value.z === undefined ? "" : `,z:${float(value.z)}`
          return `point({srid:${value.srid},x:${float(value.x)},y:${float(value.y)}${z}})`
        }
        if (!isMap(value)) throw new Error("This value cannot be written in Cypher.")
        return `{${Object.keys(value)
          .map((key) => `${name(key)}:${literal(value[key] ?? null)}`)
          .join(",")}}`
    }
  }
  return literal
}

// Neo4j reads `\uXXXX` in names too; a backslash is written so itself, and what would end the line.
const neo4jName = (name: string): string =>
  `\`${name
    .replace(/[\\\n\r]/g, (c) => `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`)
    .replaceAll("`", "``")}\``

// No function takes the text of an offset with seconds, and nothing writes bytes.
const OFFSET_WITH_SECONDS = /[+-]\d\d:\d\d:\d\d(\[|$)/
const isWritable = (value: PropertyValue): boolean => {
  if (isList(value)) return value.every((item) => item === null || isWritable(item))
  if (value instanceof Temporal) return value.kind === "date" || !OFFSET_WITH_SECONDS.test(value.text)
  return !(value instanceof Uint8Array)
}

const neo4j: Dialect = {
  holdsValue: (value) => neo4jProfile.nativeValue(value) && isWritable(value),
  holdsName: isNativeToken,
  name: neo4jName,
  literal: literalWith(FUNCTIONS, neo4jName),
  // 10 to 20 ms for each record to parse, however many there are (measured on 5.26).
  rows: 50,
  createIndex: ({ label, property }) => [
    `CREATE INDEX ${neo4jName(property)} FOR (n:${neo4jName(label)}) ON (n.${neo4jName(property)})`,
    "CALL db.awaitIndexes(300)"
  ],
  dropIndex: ({ property }) => [`DROP INDEX ${neo4jName(property)}`]
}

const LINE_END = /[\n\r]/
const memgraphName = (name: string): string => `\`${name.replaceAll("`", "``")}\``

const memgraph: Dialect = {
  holdsValue: (value) => memgraphProfile.nativeValue(value) && isWritable(value),
  holdsName: (name) => isNativeToken(name) && !LINE_END.test(name),
  name: memgraphName,
  literal: literalWith(MEMGRAPH_FUNCTIONS, memgraphName),
  rows: 500,
  createIndex: ({ label, property }) => [`CREATE INDEX ON :${memgraphName(label)}(${memgraphName(property)})`],
  dropIndex: ({ label, property }) => [`DROP INDEX ON :${memgraphName(label)}(${memgraphName(property)})`]
}

const falkorIndex = ({ label, property }: Temporary): string =>
  `INDEX FOR (n:${falkordb.quoteName(label)}) ON (n.${falkordb.quoteName(property)})`

const falkor: Dialect = {
  holdsValue: falkordb.profile.nativeValue,
  holdsName: (name) => falkordb.isNativeName(name) && !LINE_END.test(name),
  name: falkordb.quoteName,
  // Line ends stand in quoted texts only; the engine reads their escapes (measured on 4.16).
  literal: (value) => falkordb.literal(value).replace(/[\n\r]/g, (c) => ESCAPES[c] ?? c),
  rows: 500,
  createIndex: (temporary) => [`CREATE ${falkorIndex(temporary)}`],
  dropIndex: (temporary) => [`DROP ${falkorIndex(temporary)}`]
}

/** The dialect of each flavour. */
export const DIALECTS: { readonly [flavour in CypherFlavour]: Dialect } = { neo4j, memgraph, falkordb: falkor }
