/** `backend_health` and `inspect_graph`: what stores are, whether they can be used, and what they hold. */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { connect } from "../../backend/registry.ts"
import type { StoreConfig } from "../../backend/StoreConfig.ts"
import { type MigrationError, StoreUnavailable } from "../../domain/Errors.ts"
import type { Candidate } from "../../migration/health.ts"
import type { Inspection } from "../../migration/inspection.ts"
import type { StoreHealth } from "../../migration/report.ts"
import { makeRunId, Recorder } from "../../migration/Run.ts"
import { count, graphSize } from "../../report/words.ts"
import { noticing } from "../call.ts"
import { answer } from "../results.ts"
import { HealthArguments, HealthResult, InspectArguments, InspectResult } from "../schemas.ts"
import { shownName } from "../shownName.ts"
import type { Configured } from "../stores.ts"
import { define } from "../tool.ts"

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false } as const

/** A file that is not there is an empty store to a target, but nothing to look at. */
const mustExist = (config: StoreConfig): Effect.Effect<void, StoreUnavailable> =>
  "path" in config && !fs.existsSync(config.path)
    ? new StoreUnavailable({
        backend: config.kind,
        location: config.path,
        reason: "not-found",
        message: `${config.path} does not exist. Check the path; migrate_database and import_memories make a new store.`
      })
    : Effect.void

const locationOf = (config: StoreConfig): string =>
  "path" in config ? config.path : `${config.kind}://${config.host}:${config.port}`

/** A store to look at; where its settings are wrong, that is what is found. */
const candidate = ({ config, inUse, name }: Configured): Effect.Effect<Candidate> =>
  Effect.match(config, {
    onFailure: (error): Candidate => ({ name, inUse, backend: "unknown", location: name, connect: error }),
    onSuccess: (found): Candidate => ({
      name,
      inUse,
      backend: found.kind,
      location: locationOf(found),
      connect: Effect.zipRight(mustExist(found), connect(found))
    })
  })

const healthLines = (found: StoreHealth): ReadonlyArray<string> => {
  const name = found.name ?? found.location
  return found.error === null
    ? [
        `${name}: ${found.version} at ${found.location}, ${graphSize({ nodes: found.nodes ?? 0, relationships: found.relationships ?? 0 })}${found.writable === false ? ", read-only" : ""}`,
        ...found.notes.map((note) => `  note: ${note}`)
      ]
    : [`${name}: not usable: ${found.error.message}`]
}

export const backendHealth = define({
  name: "backend_health",
  title: "Health of the stores",
  description:
    "Looks at one store, or at all that are configured: the name to give to the other tools, whether it is reachable and writable, version, counts, broken ends, repeated ids, indexes, limits.",
  annotations: READS,
  input: HealthArguments,
  output: HealthResult,
  run: (given, { stateFolder, stores, tasks }) =>
    Effect.gen(function* () {
      const isNamed = given.store !== undefined || given.backend !== undefined || given.config !== undefined
      const one = isNamed
        ? yield* stores.resolve("store", { name: given.store, backend: given.backend, config: given.config })
        : undefined
      const chosen: ReadonlyArray<Configured> =
        one === undefined
          ? stores.configured
          : [
              {
                name: given.store === undefined ? locationOf(one) : shownName(given.store),
                inUse: false,
                config: Effect.succeed(one)
              }
            ]
      const { healthOfAll, noteUnfinished } = yield* Effect.promise(() => import("../../migration/health.ts"))
      const health = yield* tasks.reading(healthOfAll(yield* Effect.forEach(chosen, candidate)))
      const found = yield* noteUnfinished(stateFolder, health)
      return answer({ stores: found }, found.flatMap(healthLines))
    })
})

const SHOWN = 12

const inspectionLines = (found: Inspection): ReadonlyArray<string> => {
  const groups = (list: Inspection["labels"]) =>
    [
      ...list.slice(0, SHOWN).map(({ count: number, name }) => `${name === "" ? "(no label)" : name} ${count(number)}`),
      ...(list.length > SHOWN ? [`and ${list.length - SHOWN} more`] : [])
    ].join(", ")
  return [
    `${found.location} (${found.version}) holds ${graphSize(found)}, fingerprint ${found.fingerprint}.`,
    `labels: ${groups(found.labels)}`,
    `types: ${groups(found.types)}`,
    `newest change: ${found.newest === null ? "not known" : `${found.newest.at} (${found.newest.key})`}`,
    `${count(found.degrees.isolated)} without any relationship, ${count(found.duplicates.total)} repeated ids, ${count(found.dangling.total)} broken ends`
  ]
}

const inspecting = (config: StoreConfig): Effect.Effect<Inspection, MigrationError> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* mustExist(config)
      const store = yield* connect(config)
      const { examine } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
      const { inspect } = yield* Effect.promise(() => import("../../migration/inspect.ts"))
      const { stats } = yield* examine(store)
      return yield* inspect(
        {
          backend: store.kind,
          location: store.location,
          version: stats.version,
          total: stats.nodes + stats.relationships,
          records: store.read()
        },
        new Recorder({ run: makeRunId(new Date()), command: "inspect" })
      )
    })
  )

export const inspectGraph = define({
  name: "inspect_graph",
  title: "Inspect a graph",
  description:
    "Reads a store in full and tells what it is made of: labels, types and their properties, patterns, sizes, the newest and oldest change, repeated ids, broken ends, and its fingerprint.",
  annotations: READS,
  input: InspectArguments,
  output: InspectResult,
  run: (given, { notify, stores, tasks }) =>
    Effect.gen(function* () {
      const config = yield* stores.resolve("store", { name: given.store, backend: given.backend, config: given.config })
      const found = yield* tasks.reading(noticing(notify, inspecting(config)))
      return answer(found, inspectionLines(found))
    })
})
