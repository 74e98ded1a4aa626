/**
 * A network that fails between us and a FalkorDB, at every chunk of a whole run: afterwards the target is what it was, or
 * holds the complete result, and the report says which.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { engineAvailable, startFalkorDB, type TestServer } from "../support/falkordb.ts"
import { dump, load, rollBack } from "./falkordbTarget.ts"
import { before as held, fill } from "./killing.ts"
import { type Direction, type Proxy, startProxy, type Verdict } from "./proxy.ts"
import { sample, SEED } from "./sweep.ts"

const TIME_LIMIT = 700
const OPTIONS = { lease: 3000, patience: 6000 }

type Form = "in use" | "new"

/** What was sent and answered in a run without faults. */
const chunks: { [form in Form]: { [direction in Direction]: number } } = {
  "in use": { up: 0, down: 0 },
  new: { up: 0, down: 0 }
}

const FAULTS: ReadonlyArray<readonly [name: string, verdict: Verdict]> = [
  ["is lost with its connection", "cut"],
  ["is swallowed", "drop"],
  ["comes late", { delay: 250 }],
  ["comes too late", { delay: TIME_LIMIT + 500 }]
]

// Of the chunks of a run about so many; a point beyond the last is none.
const EVERY = 4
const CHUNKS = 96
const POINTS = (["in use", "new"] as const).flatMap((form) =>
  (["up", "down"] as const).flatMap((direction) =>
    FAULTS.flatMap(([name, verdict], at) =>
      Array.from({ length: CHUNKS / EVERY }, (_, i) => ({
        form,
        direction,
        name,
        verdict,
        share: ((i + at / 4) * EVERY) / CHUNKS
      }))
    )
  )
)

describe.skipIf(engineAvailable !== undefined)(
  `a connection to FalkorDB that fails (seed ${SEED}) ${engineAvailable ?? ""}`,
  () => {
    let server: TestServer
    let proxy: Proxy
    const ends = new Map<Form, { readonly before: ReadonlyArray<string>; readonly after: ReadonlyArray<string> }>()
    const outcomes = new Map<string, number>()
    let count = 0

    const prepare = async (form: Form): Promise<string> => {
      const graph = `graph-${count++}-end`
      if (form === "in use") await server.raw("GRAPH.COPY", "template", graph)
      return graph
    }
    // Names differ from graph to graph.
    const dumpOf = async (graph: string) =>
      (await dump(server.port, graph)).map((line) => line.replaceAll(graph, "graph"))

    beforeAll(async () => {
      server = await startFalkorDB()
      await fill({ kind: "falkordb", host: server.host, port: server.port, graph: "template" }, held)
      // One that stands there is equal to one that comes.
      await server.raw("GRAPH.QUERY", "template", "MATCH (a {id: 'old-3'}) CREATE (a)-[:FOREIGN {n: 1}]->(a)")
      proxy = await startProxy({ host: server.host, port: server.port })
      for (const form of ["in use", "new"] as const) {
        const graph = await prepare(form)
        const before = await dumpOf(graph)
        proxy.setRule((direction) => {
          chunks[form][direction]++
          return "pass"
        })
        const { report } = await load({ port: proxy.port, graph, options: OPTIONS })
        expect(report).toMatchObject({ exitCode: 0 })
        ends.set(form, { before, after: await dumpOf(graph) })
      }
      process.stdout.write(`      chunks of a run: ${JSON.stringify(chunks)}\n`)
    })
    afterAll(async () => {
      process.stdout.write(`      ${[...outcomes].map(([outcome, times]) => `${times} ${outcome}`).join(", ")}\n`)
      await proxy?.close()
      await server?.stop()
    })

    it.for(sample("falkordb network", POINTS, 10))(
      "what goes $direction $name, at $share of it, $form",
      async ({ direction, form, share, verdict }) => {
        const graph = await prepare(form)
        const wanted = Math.floor(share * chunks[form][direction])
        let seen = 0
        let swallowing: number | undefined
        proxy.setRule((side) => {
          // Nothing of a connection comes through behind a gap in it.
          if (swallowing === proxy.connections() && side === direction) return "drop"
          if (side !== direction || seen++ !== wanted) return "pass"
          if (verdict === "drop") swallowing = proxy.connections()
          return verdict
        })
        const { report, state } = await load({ port: proxy.port, graph, timeLimit: TIME_LIMIT, options: OPTIONS })
        proxy.setRule(() => "pass")
        if (typeof verdict === "object") await new Promise((resolve) => setTimeout(resolve, verdict.delay + 100))
        const said = `chunk ${wanted} ${report.outcome} ${JSON.stringify(report.error)} ${JSON.stringify(report.rollback)}`
        const { after, before } = ends.get(form) ?? { after: [], before: [] }
        if (report.exitCode === 0) {
          expect(await dumpOf(graph), said).toEqual(after)
        } else {
          expect([3, 5, 6, 7, 9], said).toContain(report.exitCode)
          // It says that something is left, and how to finish it.
          if (report.exitCode === 7) await rollBack({ port: server.port, graph }, state, report.run)
          expect(await dumpOf(graph), said).toEqual(before)
        }
        const failed = report.error === null ? "" : ` (${report.error.tag})`
        outcomes.set(report.outcome + failed, (outcomes.get(report.outcome + failed) ?? 0) + 1)
        await server.raw("GRAPH.DELETE", graph).catch(() => undefined)
      }
    )
  }
)
