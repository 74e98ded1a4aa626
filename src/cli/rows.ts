/** The rows that texts for people are made of: a name and a value in two columns. */
import type { Stats } from "../migration/report.ts"
import { count } from "../report/words.ts"

/** How many labels, types or keys a line shows before it says how many more there are. */
export const SHOWN = 8

/** Name and value in two columns. */
export const row = (name: string, value: string): string => `  ${name.padEnd(14)}${value}`

const counts = (numbers: { readonly [name: string]: number }): string => {
  const entries = Object.entries(numbers).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const shown = entries.slice(0, SHOWN).map(([name, number]) => `${name === "" ? "(no label)" : name} ${count(number)}`)
  const more = entries.length - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

/** A graph's labels and types with their counts; `indent` goes before the names. */
export const statsRows = (stats: Stats, indent = ""): ReadonlyArray<string> => [
  ...(Object.keys(stats.labels).length > 0 ? [row(`${indent}labels`, counts(stats.labels))] : []),
  ...(Object.keys(stats.types).length > 0 ? [row(`${indent}types`, counts(stats.types))] : [])
]
