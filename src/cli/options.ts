/** The options that commands share; each command spreads in what it takes. */
import * as Args from "@effect/cli/Args"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { CypherFlavour } from "../document/cypher-flavours.ts"
import { parseInstant } from "../domain/Instant.ts"
import { ON_CONFLICT, PROGRESS_MODES, type ProgressMode } from "../settings/configFile.ts"

// After a lone `-` the parser knows no options any more, so it never sees one.
const DASH = "\u0000-"

/** The command line with lone dashes (standard input or output) put out of the parser's sight. */
export const protectDashes = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  argv.map((word) => (word === "-" ? DASH : word))

const unprotect = (value: string): string => (value === DASH ? "-" : value)

// The parser hands an option that it does not know, or one without its value, to the next free positional: a mistyped
// `--dry-run` would become a file name and the migration would run.
const looksLikeOption = (value: string): boolean => value.startsWith("-")

/** A positional that may be left out. */
export const argument = (name: string, description: string): Args.Args<string | undefined> =>
  Args.text({ name }).pipe(
    Args.withDescription(description),
    Args.mapEffect((value) =>
      looksLikeOption(value)
        ? Effect.fail(
            HelpDoc.p(
              `${value} is not an option of this command, is given twice, or lacks its value. A file of that name is written ./${value}`
            )
          )
        : Effect.succeed(unprotect(value))
    ),
    Args.optional,
    Args.map(Option.getOrUndefined)
  )

/** An option with a text for a value; `placeholder` stands for it in the help. */
export const text = (name: string, placeholder: string, description: string): Options.Options<string | undefined> =>
  Options.text(name).pipe(
    Options.withPseudoName(placeholder),
    Options.withDescription(description),
    Options.mapEffect((value) =>
      value.startsWith("--") || value === ""
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} needs a value`)))
        : Effect.succeed(unprotect(value))
    ),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** An option with a text for a value that may be given several times. */
export const texts = (name: string, placeholder: string, description: string): Options.Options<ReadonlyArray<string>> =>
  Options.text(name).pipe(
    Options.withPseudoName(placeholder),
    Options.withDescription(description),
    Options.repeated,
    Options.mapEffect((values) =>
      values.some((value) => value.startsWith("--") || value === "")
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} needs a value`)))
        : Effect.succeed(values)
    )
  )

/** A switch, off unless given. */
export const flag = (name: string, description: string): Options.Options<boolean> =>
  Options.boolean(name).pipe(Options.withDescription(description))

/** An option with one of a few words for a value. */
export const choice = <A extends string>(
  name: string,
  values: ReadonlyArray<A>,
  description: string
): Options.Options<A | undefined> =>
  Options.text(name).pipe(
    Options.withPseudoName(values.join("|")),
    Options.withDescription(description),
    Options.mapEffect((value) => {
      const known = values.find((candidate) => candidate === value)
      return known === undefined
        ? Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} is one of ${values.join(", ")}`)))
        : Effect.succeed(known)
    }),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** An option with a whole number for a value, within bounds. */
export const integer = (
  name: string,
  bounds: { readonly min: number; readonly max: number },
  description: string
): Options.Options<number | undefined> =>
  Options.integer(name).pipe(
    Options.withPseudoName("N"),
    Options.withDescription(description),
    Options.mapEffect((value) =>
      value < bounds.min || value > bounds.max
        ? Effect.fail(
            ValidationError.invalidValue(HelpDoc.p(`--${name} is a number from ${bounds.min} to ${bounds.max}`))
          )
        : Effect.succeed(value)
    ),
    Options.optional,
    Options.map(Option.getOrUndefined)
  )

/** What every command takes. */
export const output = {
  json: flag("json", "print the report as one JSON document on standard output"),
  quiet: flag("quiet", "print nothing but errors"),
  verbose: flag("verbose", "print phases, details and the causes of errors"),
  yes: flag("yes", "answer every question with yes"),
  progress: choice("progress", PROGRESS_MODES, "how progress is shown, on standard error (default: auto)")
}

/** What every command takes whose end is a report. */
export const reportFile = text(
  "report",
  "FILE",
  "write a report to look at, however the run ends: .html, .md or .json; an earlier report is replaced only with --yes"
)

/** The values of {@link output}. */
export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly yes: boolean
  readonly progress: ProgressMode | undefined
}

/** The flags that complete a store's kind, each with a prefix. */
export const storeFlags = (prefix: "from-" | "to-" | "") => ({
  path: text(`${prefix}path`, "FILE", "file of a sqlite or falkordblite store"),
  uri: text(`${prefix}uri`, "URI", "URI of a server"),
  host: text(`${prefix}host`, "HOST", "host of a server"),
  port: integer(`${prefix}port`, { min: 1, max: 65535 }, "port of a server"),
  user: text(`${prefix}user`, "NAME", "user on a server"),
  "password-file": text(`${prefix}password-file`, "FILE", "file that holds the password and nothing else"),
  database: text(`${prefix}database`, "NAME", "database of a neo4j or memgraph server"),
  graph: text(`${prefix}graph`, "NAME", "graph in falkordb or falkordblite (default: memorygraph)"),
  layout: choice(`${prefix}layout`, ["seed", "column"], "tables to use in an sqlite file that has both"),
  tls: choice(`${prefix}tls`, ["off", "verify", "trust"], "encryption: none, checked, or unchecked"),
  "ca-file": text(`${prefix}ca-file`, "FILE", "PEM file that the certificate is checked against")
})

/** What every command that writes takes. */
export const writing = {
  dryRun: flag("dry-run", "plan and validate; leave nothing behind"),
  backup: flag("backup", "back a target that holds data up before the first write"),
  onConflict: choice(
    "on-conflict",
    ON_CONFLICT,
    "records that the target holds with another content: keep the target's, take the source's, or refuse (default: skip)"
  ),
  skipDuplicates: flag("skip-duplicates", "the same as --on-conflict skip"),
  noVerify: flag("no-verify", "do not read back what was written; nothing is then called verified"),
  onError: choice(
    "on-error",
    ["stop", "reject"],
    "a record that cannot go (refused, impossible there, an end missing): stop, or leave it in rejects.jsonl and go on (default: stop)"
  ),
  onUnkeyed: choice(
    "on-unkeyed",
    ["fail", "add"],
    "nodes without an id of their own, into a store that holds data: refuse or add them (default: fail)"
  )
}

/** The time of `--since`. */
export const sinceTime = text(
  "since",
  "TIME",
  "only what is new or changed since then (ISO 8601; without an offset it is UTC), the relationships of that, and their ends"
).pipe(
  Options.mapEffect((value) =>
    value === undefined || parseInstant(value) !== undefined
      ? Effect.succeed(value)
      : Effect.fail(
          ValidationError.invalidValue(
            HelpDoc.p("--since is a date or a date-time of ISO 8601, like 2025-12-03 or 2025-12-03T10:00:00+01:00")
          )
        )
  )
)

const UNITS = ["", "K", "M", "G", "T"]

/** An option with a number of bytes for a value: `500M`, `64G`. */
export const size = (name: string, description: string): Options.Options<number | undefined> =>
  text(name, "SIZE", description).pipe(
    Options.mapEffect((value) => {
      if (value === undefined) return Effect.succeed(undefined)
      const [, digits, unit = ""] = /^(\d{1,12})([KMGT]?)$/i.exec(value) ?? []
      const bytes = Number(digits) * 1024 ** UNITS.indexOf(unit.toUpperCase())
      return Number.isSafeInteger(bytes)
        ? Effect.succeed(bytes)
        : Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${name} is a number of bytes, like 500M or 64G`)))
    })
  )

/** What every command that reads documents takes. */
export const reading = {
  maxSize: size(
    "max-size",
    "refuse a document that holds more, unpacked where it is gzip (default: 64G for gzip, any number for others)"
  ),
  preferBody: flag("prefer-body", "of edited Markdown files, take title, tags and content from the text")
}

export { DOCUMENT_FORMATS, READ_FORMATS } from "../document/formats.ts"

const FLAVOURS = { neo4j: "neo4j", memgraph: "memgraph", falkordb: "falkordb" } as const satisfies {
  readonly [F in CypherFlavour]: F
}

/** The engines that a Cypher script can be for. */
export const CYPHER_FLAVOURS: ReadonlyArray<CypherFlavour> = Object.values(FLAVOURS)
