/** `backend_health` and `inspect_graph`: what stores are, whether they can be used, and what they hold. */
import * as fs from "node:fs"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { connect } from "../../backend/registry.ts"
import type { StoreConfig } from "../../backend/StoreConfig.ts"
import { type MigrationError, StoreUnavailable } from "../../domain/Errors.ts"
import { endingOf } from "../../migration/outcome.ts"
import { graphSize } from "../../report/words.ts"
import { answer } from "../results.ts"
import { type FoundStore, HealthArguments, HealthResult, InspectArguments, InspectResult } from "../schemas.ts"
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

const examined = (config: StoreConfig) =>
  Effect.gen(function* () {
    yield* mustExist(config)
    const store = yield* connect(config)
    const { examine } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
    return { store, ...(yield* examine(store)) }
  })

const look = (name: string, config: Effect.Effect<StoreConfig, MigrationError>): Effect.Effect<FoundStore> =>
  Effect.gen(function* () {
    const found = yield* config
    const { health, stats } = yield* examined(found)
    return {
      store: name,
      backend: stats.backend,
      location: stats.location,
      reachable: true,
      version: health.version,
      writable: health.writable,
      nodes: stats.nodes,
      relationships: stats.relationships,
      notes: health.notes,
      error: null
    }
  }).pipe(
    Effect.scoped,
    Effect.exit,
    Effect.flatMap((exit): Effect.Effect<FoundStore> => {
      if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
      if (Cause.isInterruptedOnly(exit.cause)) return Effect.interrupt
      const { error, exitCode } = endingOf(exit.cause)
      return Effect.succeed({
        store: name,
        backend: typeof error?.["backend"] === "string" ? error["backend"] : "",
        location: typeof error?.["location"] === "string" ? error["location"] : "",
        reachable: false,
        version: null,
        writable: null,
        nodes: null,
        relationships: null,
        notes: [],
        error: { ...(error ?? { tag: "Defect", message: "unknown" }), exitCode }
      })
    })
  )

const healthLine = (found: FoundStore): string =>
  found.error === null
    ? `${found.store}: ${found.version} at ${found.location}, ${graphSize({ nodes: found.nodes ?? 0, relationships: found.relationships ?? 0 })}${found.writable === false ? ", read-only" : ""}`
    : `${found.store}: not usable: ${found.error.message}`

export const backendHealth = define({
  name: "backend_health",
  title: "Health of the stores",
  description:
    "Looks at one store, or at all that are configured: reachable, version, writable, counts, and what is worth knowing.",
  annotations: READS,
  input: HealthArguments,
  output: HealthResult,
  run: (given, { stores, tasks }) =>
    Effect.gen(function* () {
      const isNamed = given.store !== undefined || given.backend !== undefined || given.config !== undefined
      const one = isNamed
        ? yield* stores.resolve("store", { name: given.store, backend: given.backend, config: given.config })
        : undefined
      const chosen =
        one === undefined
          ? stores.configured
          : [{ name: given.store ?? given.backend ?? one.kind, config: Effect.succeed(one) }]
      const found = yield* Effect.forEach(chosen, ({ config, name }) => tasks.reading(look(name, config)), {
        concurrency: "unbounded"
      })
      return answer(
        { stores: found },
        found.flatMap((store) => [healthLine(store), ...store.notes.map((note) => `  note: ${note}`)])
      )
    })
})

export const inspectGraph = define({
  name: "inspect_graph",
  title: "Inspect a graph",
  description: "Tells what a store holds: nodes per label, relationships per type, the newest change, broken ends.",
  annotations: READS,
  input: InspectArguments,
  output: InspectResult,
  run: (given, { stores, tasks }) =>
    Effect.gen(function* () {
      const config = yield* stores.resolve("store", { name: given.store, backend: given.backend, config: given.config })
      const { statistics, stats, store } = yield* examined(config)
      const dangling = yield* store.dangling
      const list = (counts: { readonly [name: string]: number }) =>
        Object.entries(counts)
          .toSorted(([, a], [, b]) => b - a)
          .map(([name, number]) => `${name === "" ? "(no label)" : name} ${number}`)
          .join(", ")
      return answer({ stats, newest: statistics.newest ?? null, dangling }, [
        `${stats.location} (${stats.version}) holds ${graphSize(stats)}.`,
        `labels: ${list(stats.labels)}`,
        `types: ${list(stats.types)}`,
        `newest change: ${statistics.newest ?? "not known"}`,
        ...(dangling.total === 0
          ? []
          : [`${dangling.total} relationship(s) lead nowhere: ${dangling.first.slice(0, 5).join(", ")}`])
      ])
    }).pipe(Effect.scoped, tasks.reading)
})
