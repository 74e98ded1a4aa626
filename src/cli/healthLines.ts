/** The health of stores for people: one in full, several as a table with what needs attention below it. */
import type { RunReport, StoreHealth } from "../migration/report.ts"
import { count, graphSize } from "../report/words.ts"

const SHOWN = 8

const row = (name: string, value: string): string => `  ${name.padEnd(14)}${value}`

const few = (items: ReadonlyArray<string>, total: number): string =>
  items.slice(0, SHOWN).join(", ") + (total > SHOWN ? ` and ${count(total - Math.min(SHOWN, items.length))} more` : "")

const holds = ({ nodes, relationships }: StoreHealth): string =>
  nodes === null || relationships === null ? "-" : graphSize({ nodes, relationships })

const stateOf = ({ reachable, writable }: StoreHealth): string =>
  !reachable ? "UNREACHABLE" : writable === true ? "writable" : "read-only"

const counts = (numbers: { readonly [name: string]: number }): string => {
  const entries = Object.entries(numbers).toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return few(
    entries.map(([name, number]) => `${name === "" ? "(no label)" : name} ${count(number)}`),
    entries.length
  )
}

/** What asks for attention. */
const worries = ({ dangling, duplicates, error, indexes, notes }: StoreHealth): ReadonlyArray<string> => [
  ...(error === null ? [] : [`error: ${error.message}`]),
  ...(dangling !== null && dangling.total > 0
    ? [
        `${count(dangling.total)} relationships lead to nodes that are not there: ${few(dangling.first, dangling.total)}.`
      ]
    : []),
  ...(duplicates !== null && duplicates.total > 0
    ? [`${count(duplicates.total)} ids are those of several nodes: ${few(duplicates.first, duplicates.total)}.`]
    : []),
  ...indexes.filter(({ state }) => state !== "online").map(({ name, state }) => `${name} is ${state}.`),
  ...notes
]

const titleOf = ({ inUse, location, name }: StoreHealth): string => `${name ?? location}${inUse ? " (in use)" : ""}`

/** One store in full. */
export const storeLines = (store: StoreHealth, verbose: boolean): ReadonlyArray<string> => {
  const { duplicates, facts, indexes, labels, newest, types } = store
  const online = indexes.filter(({ state }) => state === "online").length
  return [
    `${store.location} is reachable.`,
    row("kind", store.backend),
    row("version", store.version ?? ""),
    row("writable", store.writable === true ? "yes" : "no: it can be read, but not written"),
    row("holds", holds(store)),
    ...(Object.keys(labels).length > 0 ? [row("labels", counts(labels))] : []),
    ...(Object.keys(types).length > 0 ? [row("types", counts(types))] : []),
    ...(newest === null ? [] : [row("newest", newest)]),
    ...(store.bytes === null ? [] : [row("on disk", `${count(store.bytes)} bytes`)]),
    row("dangling", store.dangling === null ? "not known" : count(store.dangling.total)),
    row("repeated ids", duplicates === null ? "not known" : count(duplicates.total)),
    ...(indexes.length > 0 ? [row("indexes", `${online} of ${indexes.length} online`)] : []),
    ...(verbose ? indexes.map(({ name, state }) => row("", `${name}: ${state}`)) : []),
    ...facts.map(({ name, value }, i) => row(i === 0 ? "settings" : "", `${name} ${value === "" ? '""' : value}`)),
    ...worries(store).map((worry) => row("note", worry))
  ]
}

/** Several stores. */
export const storesLines = (
  stores: ReadonlyArray<StoreHealth>,
  table: (rows: ReadonlyArray<ReadonlyArray<string>>) => ReadonlyArray<string>
): ReadonlyArray<string> => [
  ...table([
    ["STORE", "KIND", "STATE", "HOLDS", "VERSION"],
    ...stores.map((store) => [titleOf(store), store.backend, stateOf(store), holds(store), store.version ?? "-"])
  ]),
  ...stores.flatMap((store) => {
    const lines = worries(store)
    return lines.length === 0 ? [] : ["", `${titleOf(store)}, ${store.location}`, ...lines.map((line) => `  ${line}`)]
  })
]

/** The report of `health` for people. */
export const healthLines = (
  report: RunReport,
  verbose: boolean,
  table: (rows: ReadonlyArray<ReadonlyArray<string>>) => ReadonlyArray<string>
): ReadonlyArray<string> => {
  const stores = report.health ?? []
  const [store] = stores
  return stores.length === 1 && store?.reachable === true ? storeLines(store, verbose) : storesLines(stores, table)
}
