/**
 * What the tools take and give, as Effect Schemas: the JSON Schemas that a client sees are made from them, and so is the
 * decoding of arguments. Names of arguments follow the established interface, hence the underscores.
 */
import * as Schema from "effect/Schema"
import { KINDS } from "../backend/StoreConfig.ts"
import { Inspection } from "../migration/inspection.ts"
import { DOCUMENT_FORMATS, READ_FORMATS } from "../document/formats.ts"
import { PHASES } from "../migration/Progress.ts"
import { RunReport, StoreHealth } from "../migration/report.ts"
import { RunSummary } from "../migration/runSummary.ts"

/** An argument that may be left out. */
const optional = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  // Described from outside: inside, the description would take the place of the rule in what is said of a wrong value.
  Schema.optionalWith(schema, { exact: true }).annotations({ description })

/** A text of a length that a name, a path or an address may have. */
const Text = Schema.String.pipe(Schema.maxLength(4096))

/** How a store is reached, where no name says it. Allowed with `--allow-any`; what is left out the environment says. */
export const BackendSettings = Schema.Struct({
  path: optional(Text, "File of a sqlite or falkordblite store, under an allowed root."),
  uri: optional(Text, "URI of a server: neo4j://HOST:PORT, bolt://, memgraph://, falkordb://HOST:PORT/GRAPH."),
  host: optional(Text.pipe(Schema.pattern(/^[^@/\s]+$/)), "Host of a server: a name or an address, and nothing else."),
  port: optional(Schema.Int.pipe(Schema.between(1, 65535)), "Port of a server."),
  username: optional(Text, "User on a server."),
  password: optional(
    Text,
    "Password on a server. Better kept out of the conversation: in the environment, or in the file that the config file of this program names."
  ),
  database: optional(Text, "Database of a neo4j or memgraph server."),
  graph: optional(Text, "Graph in falkordb or falkordblite; default memorygraph."),
  layout: optional(Schema.Literal("seed", "column"), "Tables to use in an sqlite file that has both."),
  tls: optional(Schema.Literal("off", "verify", "trust"), "Encryption: none, checked, or unchecked.")
}).annotations({ title: "an object of settings of a store" })
export type BackendSettings = typeof BackendSettings.Type

const Backend = Schema.Literal(...KINDS)

const storeName = (what: string) =>
  optional(
    Text,
    `The ${what} by its name in the config file of this program; a path or a URI only where the server was started with --allow-any.`
  )

/** The source of a migration or an export. */
const source = {
  source: storeName("source"),
  source_backend: optional(Backend, "The kind of the source. Without source and source_backend: the store in use."),
  source_config: optional(BackendSettings, "How the source is reached.")
}

/** The target of a migration or an import. */
const target = {
  target: storeName("target"),
  target_backend: optional(Backend, "The kind of the target."),
  target_config: optional(BackendSettings, "How the target is reached.")
}

const wait = {
  wait: optional(
    Schema.Boolean,
    "false: answer with the run's id at once; migration_status then tells how it goes. Otherwise the answer waits: to the end where progress is asked for, and 20 seconds at most where it is not."
  )
}

const planHash = {
  plan_hash: optional(
    Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
    "The hash of the plan that the first call has returned. Only with it anything is written, and only while that plan still holds. Give it with the same arguments, once a person has agreed."
  )
}

const writing = {
  skip_duplicates: optional(
    Schema.Boolean,
    "true (the default): records that the target holds with another content stay as the target has them; false: the run is refused where there are any."
  ),
  on_conflict: optional(
    Schema.Literal("skip", "overwrite", "fail"),
    "The same in full: keep the target's, take the source's, or refuse. Default skip."
  ),
  on_error: optional(
    Schema.Literal("stop", "reject"),
    "A record that cannot go (refused, impossible there, an end missing): stop (the default), or leave it in the run's rejects and go on."
  ),
  on_unkeyed: optional(
    Schema.Literal("fail", "add"),
    "Nodes without an id of their own, into a store that holds data: refuse (the default) or add them."
  ),
  verify: optional(
    Schema.Boolean,
    "Default true: everything is read back and compared before it is published. false: nothing is called verified."
  ),
  backup: optional(Schema.Boolean, "true: a target that holds data is backed up before the first write."),
  dry_run: optional(Schema.Boolean, "true: make the plan and ask nobody; nothing is written.")
}

const since = {
  since: optional(
    Text,
    "Only what is new or changed since this time (ISO 8601, UTC without an offset), the relationships of that, and the ends they need. What was deleted cannot be known."
  )
}

export const MigrateArguments = Schema.Struct({ ...source, ...target, ...writing, ...since, ...planHash, ...wait })
export type MigrateArguments = typeof MigrateArguments.Type

const { backup: _backup, dry_run: _dryRun, ...planning } = writing
export const ValidateArguments = Schema.Struct({
  ...source,
  ...target,
  ...planning,
  ...since,
  mode: optional(
    Schema.Literal("plan", "compare"),
    "plan (the default): what a migration would do, and whether it can. compare: whether both stores hold the same now, record by record, as after a migration."
  ),
  ...wait
})
export type ValidateArguments = typeof ValidateArguments.Type

export const ExportArguments = Schema.Struct({
  ...source,
  output: Schema.propertySignature(Text).annotations({
    description:
      "Where to: a file, of Markdown a folder or .tar, under an allowed root; .gz compresses. A relative path begins at the first root."
  }),
  format: optional(
    Schema.Literal(...DOCUMENT_FORMATS),
    "What to write. Default: what the file's name says, else json. json, jsonl and markdown are complete."
  ),
  cypher_for: optional(Schema.Literal("neo4j", "memgraph", "falkordb"), "The engine that a Cypher script is for."),
  ...since,
  overwrite: optional(Schema.Boolean, "true: a file that is there already is replaced. Default false: it is refused."),
  ...planHash,
  ...wait
})
export type ExportArguments = typeof ExportArguments.Type

export const ImportArguments = Schema.Struct({
  input: Schema.propertySignature(Text).annotations({
    description: "The document: a file or a folder under an allowed root."
  }),
  format: optional(Schema.Literal("auto", ...READ_FORMATS), "What it is. Default auto: by its content."),
  ...target,
  ...writing,
  ...planHash,
  ...wait
})
export type ImportArguments = typeof ImportArguments.Type

const store = {
  store: storeName("store"),
  backend: optional(Backend, "The kind of the store."),
  config: optional(BackendSettings, "How the store is reached.")
}

export const HealthArguments = Schema.Struct(store)
export type HealthArguments = typeof HealthArguments.Type

export const InspectArguments = Schema.Struct(store)
export type InspectArguments = typeof InspectArguments.Type

export const ListRunsArguments = Schema.Struct({
  limit: optional(Schema.Int.pipe(Schema.between(1, 1000)), "How many at most, the latest first. Default 50.")
})
export type ListRunsArguments = typeof ListRunsArguments.Type

const run = Schema.propertySignature(Schema.String.pipe(Schema.minLength(1), Schema.maxLength(100))).annotations({
  description: "The run's id, or as much of its beginning as tells it apart."
})

export const RollbackArguments = Schema.Struct({ run, ...planHash, ...wait })
export type RollbackArguments = typeof RollbackArguments.Type

export const StatusArguments = Schema.Struct({ run })
export type StatusArguments = typeof StatusArguments.Type

/** Where a run stands. */
const Position = Schema.Struct({
  phase: Schema.Literal(...PHASES),
  done: Schema.Number,
  total: Schema.NullOr(Schema.Number),
  seconds: Schema.Number,
  per_second: Schema.NullOr(Schema.Number)
})

/** An error as data: the tag of its class, what happened and what to do, the process exit code of the same error. */
export const ToolError = Schema.Struct(
  { tag: Schema.String, message: Schema.String, exitCode: Schema.Number },
  { key: Schema.String, value: Schema.Unknown }
).annotations({ identifier: "ToolError" })
export type ToolError = typeof ToolError.Type

// Named, so that it stands once in the schema of a result.
const Report = Schema.typeSchema(RunReport).annotations({ identifier: "Report" })

/** What a tool gives where it did not succeed; `report` where a run had begun. */
export const Failure = Schema.Struct({
  error: ToolError,
  run: Schema.NullOr(Schema.String),
  report: Schema.NullOr(Report)
}).annotations({ identifier: "Failure" })
export type Failure = typeof Failure.Type

/**
 * What a run that this server works on is, and how far it is. `planned` has written nothing and waits for its
 * `plan_hash` to be given back; `running` goes on whether anybody asks or not.
 */
export const Work = Schema.Struct({
  run: Schema.String,
  tool: Schema.String,
  status: Schema.Literal("running", "planned", "done", "failed"),
  plan_hash: Schema.NullOr(Schema.String),
  terms: Schema.Array(Schema.String).annotations({
    description: "What a person agrees to with the plan, one sentence each: to be shown with it."
  }),
  progress: Schema.NullOr(Position),
  report: Schema.NullOr(Report),
  error: Schema.NullOr(ToolError),
  next: Schema.String.annotations({ description: "What can be done now." })
}).annotations({ identifier: "Work" })
export type Work = typeof Work.Type

/** A run of the state folder that this server does not work on. */
export const Known = Schema.Struct({ known: RunSummary, report: Schema.NullOr(Report) })

export const HealthResult = Schema.Struct({ stores: Schema.Array(Schema.typeSchema(StoreHealth)) }).annotations({
  identifier: "Health"
})

export const InspectResult = Inspection

export const RunsResult = Schema.Struct({
  runs: Schema.Array(RunSummary),
  unreadable: Schema.Array(Schema.Struct({ run: Schema.String, why: Schema.String })),
  total: Schema.Number
}).annotations({ identifier: "Runs" })
