/** The spans of a migration: every phase and every call that takes a store time, with counts and without secrets. */
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Tracer from "effect/Tracer"
import { describe, expect, it } from "vitest"
import { connect } from "../../src/backend/registry.ts"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { migrate } from "../../src/migration/migrate.ts"
import { copyOf, fixture, tempFolder } from "../support/migrating.ts"

/** A tracer that keeps every span in a list. */
const keeping = (spans: Array<Tracer.Span>) => {
  const plain = Effect.runSync(Effect.tracer)
  return Layer.setTracer(
    Tracer.make({
      span: (...args) => {
        const span = plain.span(...args)
        spans.push(span)
        return span
      },
      context: (run) => run()
    })
  )
}

const move = (from: StoreConfig, to: StoreConfig) =>
  Effect.scoped(
    Effect.gen(function* () {
      const source = yield* connect(from)
      const target = yield* connect(to)
      return yield* migrate(source, target, { stateFolder: path.join(tempFolder(), "state") })
    })
  )

const parentOf = (span: Tracer.Span): string | undefined => {
  const parent = Option.getOrUndefined(span.parent)
  return parent?._tag === "Span" ? parent.name : undefined
}

describe("spans", () => {
  it("stand for the run, its phases and the stores, with counts", async () => {
    const spans: Array<Tracer.Span> = []
    const from = fixture("python-small.db")
    const to = copyOf("python-small.db")
    const report = await Effect.runPromise(
      Effect.provide(move({ kind: "sqlite", path: from }, { kind: "sqlite", path: to }), keeping(spans))
    )
    const named = (name: string) => spans.filter((span) => span.name === name)
    const attributes = (name: string) => Object.fromEntries(named(name)[0]?.attributes ?? [])
    expect(attributes("memorygraph.migrate")).toEqual({
      "memorygraph.source.backend": "sqlite",
      "memorygraph.source.location": from,
      "memorygraph.target.backend": "sqlite",
      "memorygraph.target.location": to
    })
    for (const { name, records } of report.phases) {
      expect(attributes(`memorygraph.phase.${name}`)).toMatchObject({
        "memorygraph.run": report.run,
        "memorygraph.records": records
      })
      expect(["memorygraph.migrate", undefined]).toContain(parentOf(named(`memorygraph.phase.${name}`)[0]!))
    }
    expect(attributes("memorygraph.phase.export")["memorygraph.records"]).toBe(90)
    for (const operation of ["health", "statistics", "lookup", "openSession", "publish"])
      expect(attributes(`memorygraph.store.${operation}`), operation).toMatchObject({ "memorygraph.backend": "sqlite" })
    expect(named("memorygraph.store.connect")).toHaveLength(2)
    expect(spans.every((span) => span.status._tag === "Ended")).toBe(true)
  })

  it("hold no secret, of a store that refuses too", async () => {
    const spans: Array<Tracer.Span> = []
    const password = "hush-hush-4711"
    const server = { host: "127.0.0.1", port: 1, user: "somebody-4711", password: Redacted.make(password) }
    const failed = await Effect.runPromise(
      Effect.flip(move({ kind: "sqlite", path: fixture("python-small.db") }, { kind: "falkordb", ...server })).pipe(
        Effect.provide(keeping(spans))
      )
    )
    expect(failed._tag).toBe("StoreUnavailable")
    const text = JSON.stringify(
      spans.map((span) => [span.name, [...span.attributes], span.status]),
      (_, value: unknown) =>
        typeof value === "bigint" ? String(value) : value instanceof Error ? String(value) : value
    )
    expect(text).toContain("memorygraph.store.connect")
    expect(text).not.toContain(password)
    expect(text).not.toContain("somebody-4711")
  })
})
