/** A real run of the built command that is killed at a chosen moment, and what is done about it afterwards. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { connect } from "../../src/backend/registry.ts"
import type { Kind, StoreConfig } from "../../src/backend/StoreConfig.ts"
import { JsonlEncoder } from "../../src/document/jsonl.ts"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { importRecords } from "../../src/migration/migrate.ts"
import * as Stream from "effect/Stream"
import { BIN, cleanEnv, type Ended, runBin } from "../cli/runBin.ts"
import { tempFolder } from "../support/migrating.ts"

/** A store as a word of the command line. */
export const wordOf = (config: StoreConfig): string => {
  switch (config.kind) {
    case "sqlite":
    case "falkordblite":
      return `${config.kind}:${config.path}`
    case "falkordb":
      return `falkordb://${config.host}:${config.port}/${config.graph ?? ""}`
    case "neo4j":
      return `bolt://${config.host}:${config.port}`
    case "memgraph":
      return `memgraph://${config.host}:${config.port}`
  }
}

const memory = (id: string, title: string): GraphRecord =>
  node(id, ["Memory"], {
    id,
    type: "solution",
    title,
    content: `what ${title} is about`,
    importance: 0.1 + 0.2,
    tags: ["a", "b"],
    created_at: "2026-01-02T03:04:05.678901+00:00",
    updated_at: "2026-01-02T03:04:05.678901+00:00"
  })

const link = (key: string | null, from: string, to: string, strength: number): GraphRecord =>
  relationship(key, from, "SOLVES", to, {
    ...(key !== null && { id: key }),
    strength,
    confidence: 0.8,
    created_at: "2026-01-02T03:04:05.678901+00:00"
  })

const OLD = 40

/** What the target holds before: some of it will be overwritten, some of it is equal to what comes. */
export const before: ReadonlyArray<GraphRecord> = [
  ...Array.from({ length: OLD }, (_, i) => memory(`old-${i}`, `old ${i}`)),
  ...Array.from({ length: OLD }, (_, i) => link(`ol-${i}`, `old-${i}`, `old-${(i + 1) % OLD}`, 0.5))
]

/** What comes: new records, relationships without a key (equal ones among them), overwritten and equal ones. */
export const incoming = (size: number): ReadonlyArray<GraphRecord> => [
  ...Array.from({ length: OLD / 2 }, (_, i) => memory(`old-${i}`, i % 2 === 0 ? `old ${i}` : `changed ${i}`)),
  ...Array.from({ length: size }, (_, i) => memory(`new-${i}`, `new ${i}`)),
  ...Array.from({ length: OLD / 4 }, (_, i) =>
    link(`ol-${i}`, `old-${i}`, `old-${(i + 1) % OLD}`, i % 2 === 0 ? 0.5 : 0.75)
  ),
  ...Array.from({ length: size }, (_, i) => link(`nl-${i}`, `new-${i}`, `new-${(i * 7 + 1) % size}`, 0.25)),
  ...Array.from({ length: size }, (_, i) => link(null, `new-${i % 50}`, `old-${i % 20}`, 0.1))
]

/** Writes records as a JSONL document. */
export const writeDocument = (records: ReadonlyArray<GraphRecord>): string => {
  const file = path.join(tempFolder(), "incoming.jsonl")
  const encoder = new JsonlEncoder()
  const header = encoder.header({ created: "2026-01-01T00:00:00.000Z", generator: "test", backend: "sqlite" })
  fs.writeFileSync(file, header + encoder.records(records) + encoder.footer().text)
  return file
}

/** Fills a store in this process. */
export const fill = (config: StoreConfig, records: ReadonlyArray<GraphRecord>): Promise<unknown> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(connect(config), (target) =>
        importRecords({ path: "given", records: Stream.fromIterable(records) }, target, {
          stateFolder: path.join(tempFolder(), "state")
        })
      )
    )
  )

/** A copy of a prepared store for one point of a sweep. */
export type Prepare = () => Promise<StoreConfig>

/** The arguments of the run that is killed. */
export const argsOf = (document: string, config: StoreConfig): ReadonlyArray<string> => [
  "import",
  document,
  wordOf(config),
  "--yes",
  "--on-conflict",
  "overwrite",
  "--progress",
  "json"
]

/** How far a run came before it was killed. */
export interface Killed {
  readonly events: number
  readonly last: string
  readonly ended: boolean
}

/** Runs the command and kills it `delay` milliseconds after its `event`-th line of progress; never where it is -1. */
export const runAndKill = (args: ReadonlyArray<string>, state: string, event: number, delay: number): Promise<Killed> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: cleanEnv({ MEMORYGRAPH_STATE_DIR: state }),
      stdio: ["ignore", "ignore", "pipe"]
    })
    let events = 0
    let last = ""
    let pending = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const lines = (pending + text).split("\n")
      pending = lines.pop() ?? ""
      for (const line of lines.filter((one) => one.startsWith("{"))) {
        last = line
        if (events++ === event) setTimeout(() => child.kill("SIGKILL"), delay)
      }
    })
    child.on("error", reject)
    child.on("close", (code) => resolve({ events, last, ended: code !== null }))
  })

interface Listed {
  readonly runs: ReadonlyArray<{ readonly run: string; readonly status: string; readonly batches: number }>
}

/** The runs that a state folder knows. */
export const runsOf = async (state: string): Promise<Listed["runs"]> => {
  const { stdout } = await runBin(["runs", "--json"], { env: { MEMORYGRAPH_STATE_DIR: state } })
  const listed: Listed = JSON.parse(stdout)
  return listed.runs
}

/** Resumes a run or rolls it back. */
export const settle = (action: "resume" | "rollback", run: string, state: string): Promise<Ended> =>
  runBin(["runs", action, run, "--yes"], { env: { MEMORYGRAPH_STATE_DIR: state } })

/** What a killed run may not leave beside a file store. */
export const leftoversOf = (config: StoreConfig): ReadonlyArray<string> =>
  "path" in config ? fs.readdirSync(path.dirname(config.path)).filter((name) => name.includes(".mg-")) : []

/** The kinds of the sweep. */
export const KINDS: ReadonlyArray<Kind> = ["sqlite", "falkordblite", "falkordb", "neo4j", "memgraph"]
