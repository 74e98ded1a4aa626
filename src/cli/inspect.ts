/** `memorygraph inspect`: what a store or a document is made of. */
import * as path from "node:path"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect } from "../backend/registry.ts"
import type { MigrationError } from "../domain/Errors.ts"
import type { Inspected } from "../migration/inspect.ts"
import type { Inspection } from "../migration/inspection.ts"
import { count } from "../report/words.ts"
import { expandHome } from "../settings/environment.ts"
import { isDocument } from "../settings/storePlace.ts"
import type { StoreFlags } from "../settings/stores.ts"
import { once } from "./arguments.ts"
import { mustExist } from "./health.ts"
import { argument, output, reading, storeFlags, text } from "./options.ts"
import { row, SHOWN } from "./rows.ts"
import { type CommandContext, runListing } from "./run.ts"
import { STANDARD_INPUT, spooledInput } from "./standardInput.ts"
import type { ReadOptions } from "../document/read.ts"

const opened = (
  context: CommandContext,
  word: string | undefined,
  flags: StoreFlags,
  how: ReadOptions
): Effect.Effect<Inspected<MigrationError>, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const isInput = word === STANDARD_INPUT
    if (word !== undefined && (isInput || isDocument(word, context.settings))) {
      const { openDocument } = yield* Effect.promise(() => import("../document/read.ts"))
      const document = yield* openDocument(isInput ? yield* spooledInput : expandHome(word), "auto", how)
      return {
        backend: "document",
        location: isInput ? "standard input" : path.resolve(document.path),
        version: document.format,
        total: document.total,
        records: document.records
      }
    }
    const config = yield* context.resolve({ role: "store", prefix: "", word, flags })
    yield* mustExist(config)
    const store = yield* connect(config)
    const { examine } = yield* Effect.promise(() => import("../migration/preflight.ts"))
    const { stats } = yield* examine(store)
    return {
      backend: store.kind,
      location: store.location,
      version: stats.version,
      total: stats.nodes + stats.relationships,
      records: store.read()
    }
  })

const KILOBYTE = 1000
const UNITS = ["bytes", "kB", "MB", "GB", "TB"]

const size = (bytes: number): string => {
  let value = bytes
  let unit = 0
  while (value >= KILOBYTE && unit < UNITS.length - 1) {
    value /= KILOBYTE
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

/** The first of a list, all of it where `verbose`; then how many more there are. */
const some = <A>(items: ReadonlyArray<A>, verbose: boolean, line: (item: A) => string): ReadonlyArray<string> => {
  const shown = verbose ? items : items.slice(0, SHOWN)
  const more = items.length - shown.length
  return [...shown.map(line), ...(more > 0 ? [`    and ${more} more; --verbose or --json shows all`] : [])]
}

const groups = (title: string, list: Inspection["labels"], verbose: boolean): ReadonlyArray<string> =>
  list.flatMap((group) => [
    `${title} ${group.name === "" ? "(none)" : group.name}: ${count(group.count)}, ${size(group.bytes)}`,
    ...some(group.properties, verbose, ({ count: having, kinds, name }) => {
      const all = Object.entries(kinds).map(([kind, number]) =>
        Object.keys(kinds).length === 1 ? kind : `${kind} ${count(number)}`
      )
      return `    ${name.padEnd(22)} ${having === group.count ? "all" : count(having)}, ${all.join(", ")}`
    })
  ])

const keys = ({ first, total }: Inspection["dangling"]): string =>
  total === 0 ? "none" : `${count(total)} (${first.slice(0, SHOWN).join(", ")}${total > SHOWN ? ", ..." : ""})`

const linesOf = (found: Inspection, verbose: boolean): ReadonlyArray<string> => [
  `${found.location}: ${count(found.nodes)} nodes, ${count(found.relationships)} relationships`,
  row("kind", found.backend),
  row("version", found.version),
  row("size", `${size(found.bytes)} as canonical lines`),
  row("fingerprint", found.fingerprint),
  row("newest", found.newest === null ? "not known" : `${found.newest.at} (${found.newest.key})`),
  row("oldest", found.oldest === null ? "not known" : `${found.oldest.at} (${found.oldest.key})`),
  row("ids", found.duplicates.total > 0 ? `repeated: ${keys(found.duplicates)}` : "unique"),
  ...(found.withoutId > 0 ? [row("without id", `${count(found.withoutId)} nodes`)] : []),
  row("dangling", keys(found.dangling)),
  row(
    "degrees",
    `${found.degrees.average} on average; ${count(found.degrees.isolated)} isolated nodes, ${count(found.degrees.selfLoops)} self loops`
  ),
  ...groups("Label", found.labels, verbose),
  ...(verbose
    ? groups("Type", found.types, verbose)
    : [
        ...(found.types.length === 0 ? [] : ["Types"]),
        ...some(found.types, verbose, ({ bytes, count: number, name }) => `  ${name}: ${count(number)}, ${size(bytes)}`)
      ]),
  ...(found.patterns.length === 0 ? [] : ["Patterns"]),
  ...some(
    found.patterns,
    verbose,
    ({ count: number, from, to, type }) => `  (${from})-[${type}]->(${to}): ${count(number)}`
  ),
  ...(found.degrees.most.length === 0 ? [] : ["Most related"]),
  ...some(found.degrees.most, verbose, ({ degree, key }) => `  ${key}: ${count(degree)}`),
  ...(found.largest.length === 0 ? [] : ["Largest records"]),
  ...some(found.largest, verbose, ({ bytes, record }) => `  ${record}: ${size(bytes)}`)
]

export const inspect = Command.make(
  "inspect",
  {
    store: argument("STORE|DOCUMENT", "a store or a document, - for standard input (default: the store in use)"),
    backend: text("backend", "STORE", "the same as STORE"),
    flags: storeFlags(""),
    reading,
    output
  },
  (options) =>
    runListing("inspect", options, (context) =>
      Effect.gen(function* () {
        const word = yield* once(options.store, "--backend", options.backend)
        const program = yield* Effect.promise(() => import("../migration/inspect.ts"))
        const source = yield* opened(context, word, options.flags, options.reading)
        const found = yield* program.inspect(source, context.recorder)
        return { json: found, lines: linesOf(found, options.output.verbose) }
      })
    )
).pipe(Command.withDescription("Show what a store or a document is made of"))
