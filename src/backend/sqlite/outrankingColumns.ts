/**
 * The four columns of a relationship that outrank its JSON in the seed layout, because the Python program writes an
 * invalidation only there: a value in the column is the property's value, NULL means that there is none.
 *
 * What such a column cannot hold (SQLite would turn the text `2024` into a number, NOT NULL refuses an absent value, a
 * date-time value is not text) stands in the JSON alone: the column gets a derived text, and `columns` in `_mg_enc`
 * keeps that text (the empty one for NULL). While the column still says so, the JSON outranks it; once somebody has
 * changed the column, the column wins.
 */
import { type MutableProperties, type Properties, property, setProperty } from "../../domain/Graph.ts"
import type { PropertyValue } from "../../domain/PropertyValue.ts"
import { decodeProperties, type EncodingNote } from "../Encoding.ts"
import { becomesNumber, type SqlValue, textCell } from "./codec.ts"
import { isoColumn, NO_ISO_TIME } from "./timestamps.ts"

/** Their names. */
export const OUTRANKING = ["valid_from", "valid_until", "recorded_at", "invalidated_by"] as const
const NOT_NULL: ReadonlySet<string> = new Set(["valid_from", "recorded_at"])
/** In a note: the column holds NULL. */
const NULL_NOTE = ""

const without = (properties: MutableProperties, name: string): MutableProperties => {
  const rest: MutableProperties = {}
  for (const other of Object.keys(properties)) {
    const value = properties[other]
    if (other !== name && value !== undefined) setProperty(rest, other, value)
  }
  return rest
}

// True where the column is just what SQLite's numeric affinity made of the JSON's text.
const isAffinityOf = (cell: unknown, value: PropertyValue | undefined): boolean =>
  typeof value === "string" &&
  (typeof cell === "bigint" || typeof cell === "number") &&
  becomesNumber(value) &&
  Number(value) === Number(cell)

/**
 * Merges the columns into the properties of the JSON and decodes what was encoded; may use the given object. `cells`
 * holds the values of `columns` from `first` on.
 */
export const mergeColumns = (
  cells: ReadonlyArray<unknown>,
  first: number,
  columns: ReadonlyArray<string>,
  properties: MutableProperties,
  note: EncodingNote | undefined
): MutableProperties => {
  const noted = note?.columns
  let values: { [name: string]: string } | undefined
  let result = properties
  for (let i = 0; i < columns.length; i++) {
    const name = columns[i] ?? ""
    const cell = cells[first + i]
    const derived = noted?.[name]
    if (derived !== undefined) {
      if (derived === NULL_NOTE ? cell === null : cell === derived) continue
      // The column was changed since: whatever the JSON had there, and however it was encoded, is out of date.
      values ??= { ...note?.values }
      delete values[name]
    }
    const value = property(result, name)
    if (cell === value) continue
    if (cell === null) {
      if (value !== undefined) result = without(result, name)
    } else if (typeof cell === "string" || typeof cell === "bigint" || typeof cell === "number") {
      if (!isAffinityOf(cell, value)) result[name] = cell
    } else {
      textCell(cell, name)
    }
  }
  if (note !== undefined) decodeProperties(result, values === undefined ? note : { ...note, values })
  return result
}

interface DerivedTexts {
  [name: string]: string
}

// A value that the column cannot hold as it is: the derived text, and the note that says so.
const derivedCell = (name: string, properties: Properties, notes: DerivedTexts): SqlValue => {
  const derived =
    isoColumn(property(properties, name)) ??
    (NOT_NULL.has(name) ? (isoColumn(property(properties, "created_at")) ?? NO_ISO_TIME) : null)
  notes[name] = derived ?? NULL_NOTE
  return derived
}

/** Adds the cells of `columns` to `values`; returns the note's `columns`, where some of them are derived. */
export const addColumns = (
  values: Array<SqlValue>,
  columns: ReadonlyArray<string>,
  properties: Properties
): { readonly [name: string]: string } | undefined => {
  let notes: DerivedTexts | undefined
  for (const name of columns) {
    const value = property(properties, name)
    if (typeof value === "string" && value.isWellFormed() && !becomesNumber(value)) values.push(value)
    else if (value === undefined && !NOT_NULL.has(name)) values.push(null)
    else values.push(derivedCell(name, properties, (notes ??= {})))
  }
  return notes
}
