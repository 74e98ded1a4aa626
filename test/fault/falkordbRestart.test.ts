/**
 * A FalkorDB server that is killed in the middle of a run and started again, with everything kept or with everything
 * since a save forgotten: afterwards the target is what it was, or holds the complete result, and the report says which.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Server, startServer } from "../backend/falkordb/restartable.ts"
import { engineAvailable } from "../support/falkordb.ts"
import { dump, load, rollBack } from "./falkordbTarget.ts"
import { before as held, fill } from "./killing.ts"
import { type Direction, type Proxy, startProxy } from "./proxy.ts"
import { sample, SEED } from "./sweep.ts"

const OPTIONS = { lease: 3000, patience: 20_000 }

type Form = "in use" | "new"

/** What the server knows when it is back: all, what it held before the run, or that and some of the run. */
type Memory = "everything" | "nothing of the run" | "the first half of the run"

// What opens the session, and what publishes: behind that a server that forgets makes nobody a liar.
const OPENING = /CREATE \(n:_MgRun|\.owner/
const PUBLICATION = /RENAMENX|DELETE f RETURN 1/
const PLACES = 12

const POINTS = (["everything", "nothing of the run", "the first half of the run"] as const).flatMap((memory) =>
  (["in use", "new"] as const).flatMap((form) =>
    (["up", "down"] as const).flatMap((direction) =>
      Array.from({ length: PLACES + 1 }, (_, i) => ({ memory, form, direction, share: i / PLACES }))
    )
  )
)

describe.skipIf(engineAvailable !== undefined)(
  `a FalkorDB server that is killed and started again (seed ${SEED}) ${engineAvailable ?? ""}`,
  () => {
    let server: Server
    const ends = new Map<Form, { readonly before: ReadonlyArray<string>; readonly after: ReadonlyArray<string> }>()
    // The first and the last chunk of the session, answers to them included.
    const chunks = new Map<string, { readonly first: number; readonly last: number }>()
    const outcomes = new Map<string, number>()
    let count = 0

    const prepare = async (form: Form): Promise<string> => {
      const graph = `graph-${count++}-end`
      if (form === "in use") await fill({ kind: "falkordb", host: "127.0.0.1", port: server.port, graph }, held)
      return graph
    }
    const dumpOf = async (graph: string) =>
      (await dump(server.port, graph)).map((line) => line.replaceAll(graph, "graph"))

    beforeAll(async () => {
      server = await startServer()
      const proxy = await startProxy({ host: "127.0.0.1", port: server.port })
      for (const form of ["in use", "new"] as const) {
        const graph = await prepare(form)
        const before = await dumpOf(graph)
        const seen = { up: 0, down: 0 }
        let first = { up: 0, down: 0 }
        proxy.setRule((direction, _, chunk) => {
          const here = { ...seen }
          seen[direction]++
          if (direction === "up" && OPENING.test(String(chunk)) && first.up === 0) first = here
          if (direction === "up" && PUBLICATION.test(String(chunk))) {
            for (const side of ["up", "down"] as const)
              chunks.set(`${form} ${side}`, { first: first[side], last: here[side] })
          }
          return "pass"
        })
        const { report } = await load({ port: proxy.port, graph, options: OPTIONS })
        expect(report).toMatchObject({ exitCode: 0 })
        ends.set(form, { before, after: await dumpOf(graph) })
        await server.raw("GRAPH.DELETE", graph)
      }
      await proxy.close()
    })
    afterAll(async () => {
      process.stdout.write(`      ${[...outcomes].map(([outcome, times]) => `${times} ${outcome}`).join(", ")}\n`)
      await server?.stop()
    })

    const runUnder = async (
      proxy: Proxy,
      graph: string,
      point: { readonly memory: Memory; readonly direction: Direction; readonly at: number; readonly half: number }
    ) => {
      let started: Promise<void> | undefined
      const seen = { up: 0, down: 0 }
      let saving: Promise<unknown> | undefined
      let publishing = false
      proxy.setRule((direction, _, chunk) => {
        const mine = direction === point.direction
        // How many chunks there are differs a little from run to run: the publication, or its answer, is the last one.
        const isAnswer = publishing && direction === "down"
        publishing = direction === "up" && PUBLICATION.test(String(chunk))
        const isLast = started === undefined && (mine ? isAnswer || publishing : isAnswer)
        const at = isLast ? point.at : seen[direction]++
        if (mine && at === point.half && point.memory === "the first half of the run") saving = server.raw("SAVE")
        if (started !== undefined || (!isLast && (!mine || at !== point.at))) return "pass"
        const restart = async () => {
          await saving
          proxy.cut()
          if (point.memory === "everything") await server.raw("SAVE")
          server.kill()
          await server.start()
          proxy.restore()
        }
        started = restart()
        return "cut"
      })
      const ended = await load({ port: proxy.port, graph, timeLimit: 5000, options: OPTIONS })
      await started
      proxy.setRule(() => "pass")
      return { ...ended, killed: started !== undefined }
    }

    it.for(sample("falkordb restart", POINTS, 6))(
      "knows $memory: killed at what goes $direction, at $share of the session, $form",
      { timeout: 60_000 },
      async ({ direction, form, memory, share }) => {
        const graph = await prepare(form)
        await server.raw("SAVE")
        const proxy = await startProxy({ host: "127.0.0.1", port: server.port })
        const { first, last } = chunks.get(`${form} ${direction}`) ?? { first: 0, last: 0 }
        const at = Math.round(first + share * (last - first))
        const { killed, report, state } = await runUnder(proxy, graph, {
          memory,
          direction,
          at,
          half: Math.floor((first + at) / 2)
        })
        await proxy.close()
        const said = `chunk ${at} ${report.outcome} ${JSON.stringify(report.error)} ${JSON.stringify(report.rollback)}`
        expect(killed, said).toBe(true)
        const { after, before } = ends.get(form) ?? { after: [], before: [] }
        if (report.exitCode === 0) {
          expect(await dumpOf(graph), said).toEqual(after)
        } else {
          expect([3, 4, 5, 6, 7, 9], said).toContain(report.exitCode)
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
