/**
 * What the column layout can hold. Every rule here says what SQLite or the reading of a row would change otherwise;
 * `test/backend/sqlite/columnLayout.test.ts` checks against the engine that nothing is changed where no rule objects.
 */
import { canonicalProperties } from "../../domain/Canonical.ts"
import { type GraphRecord, type MutableProperties, type Properties, property } from "../../domain/Graph.ts"
import { JsonSyntaxError, parseJson } from "../../domain/Json.ts"
import { isInt64, type PropertyValue } from "../../domain/PropertyValue.ts"
import { becomesNumber, type ColumnInfo, type Columns } from "./codec.ts"
import { composeContext, flattenContext, isContextProperty } from "./MemoryContext.ts"

/** The tags column: a list of strings where the text is the very form that JSON.stringify gives it, else the text itself. */
export const decodeTags = (text: string): PropertyValue => {
  if (!text.startsWith("[")) return text
  try {
    const list = parseJson(text)
    return Array.isArray(list) && list.every((tag) => typeof tag === "string") && JSON.stringify(list) === text
      ? list
      : text
  } catch (cause) {
    if (cause instanceof JsonSyntaxError) return text
    throw cause
  }
}

const EXPECTED: { readonly [A in ColumnInfo["affinity"]]: string } = {
  text: "a string",
  integer: "an integer",
  numeric: "an integer",
  real: "a float",
  none: "a string or a number"
}

/** Why a value would not come back from its column as it was; undefined where it does. */
export const cellMisfit = (value: PropertyValue, name: string, { affinity }: ColumnInfo): string | undefined => {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) return `lone surrogate in ${name}`
      return affinity === "text" || affinity === "none" || !becomesNumber(value)
        ? undefined
        : `${name} is text that reads as a number`
    case "bigint":
      if (!isInt64(value)) return "integer beyond 64 bits"
      return affinity === "text" || affinity === "real" ? `${name} is not ${EXPECTED[affinity]}` : undefined
    case "number":
      if (Number.isNaN(value)) return "NaN"
      if (affinity === "none") return undefined
      // SQLite keeps a float without a fraction as an integer, and so has no negative zero.
      if (affinity === "real") return Object.is(value, -0) ? "negative zero" : undefined
      return affinity === "text" || Number.isInteger(value) ? `${name} is not ${EXPECTED[affinity]}` : undefined
    default:
      return `${name} is not ${EXPECTED[affinity]}`
  }
}

/** A column of text. */
export const TEXT: ColumnInfo = { affinity: "text", notNull: true }

/** A key is the `id` property there, and nothing else. */
export const keyMisfit = (record: GraphRecord): string | undefined => {
  if (record.key === null) return "relationship without id"
  if (!record.key.isWellFormed()) return "lone surrogate in a key"
  return property(record.properties, "id") === record.key ? undefined : "key that is not its id property"
}

/** The one label is Memory. */
export const labelMisfit = (labels: ReadonlyArray<string>): string | undefined => {
  if (labels.length === 0) return "no label"
  if (labels.length > 1) return "several labels"
  return labels[0] === "Memory" ? undefined : `label ${labels[0]}`
}

/** The properties against the columns, one by one; `special` answers for those that it takes (not false). */
export const columnMisfit = (
  properties: Properties,
  names: ReadonlyArray<string>,
  columns: Columns,
  special: (name: string, value: PropertyValue) => string | undefined | false
): string | undefined => {
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (name === "id" || value === undefined) continue
    const own = special(name, value)
    if (own === false) {
      const column = columns.get(name)
      const misfit =
        column === undefined || !names.includes(name)
          ? `property ${name} has no column`
          : cellMisfit(value, name, column)
      if (misfit !== undefined) return misfit
    } else if (own !== undefined) return own
  }
  for (const name of names) {
    if (columns.get(name)?.notNull === true && property(properties, name) === undefined) return `no ${name}`
  }
  return undefined
}

/** Whether the `context_*` properties (or a context kept whole) come back from the column's text. */
export const contextMisfit = (properties: Properties): string | undefined => {
  const flat: MutableProperties = {}
  let some = false
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    if (value === undefined || !isContextProperty(name)) continue
    flat[name] = value
    some = true
  }
  const whole = property(properties, "context")
  if (whole !== undefined) {
    if (some) return "context beside context_ properties"
    return typeof whole === "string" && flattenContext(whole) !== undefined
      ? "context text that reads as fields"
      : undefined
  }
  if (!some) return undefined
  const text = composeContext(flat)
  const back = text === undefined ? undefined : flattenContext(text)
  return back !== undefined && canonicalProperties(back) === canonicalProperties(flat)
    ? undefined
    : "context_ property the column cannot hold"
}

/** Whether tags come back from the column's text. */
export const tagsMisfit = (value: PropertyValue): string | undefined => {
  if (Array.isArray(value))
    return value.every((tag) => typeof tag === "string") ? undefined : "tags is not a list of strings"
  if (typeof value !== "string") return "tags is not a list of strings"
  if (!value.isWellFormed()) return "lone surrogate in tags"
  return typeof decodeTags(value) === "string" ? undefined : "tags text that reads as a list"
}
