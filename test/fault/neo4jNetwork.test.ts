/**
 * A network that fails between us and a Neo4j in use, and a server that dies: afterwards the target is what it was, or
 * holds the complete result, and the report says which.
 */
import type { Driver } from "neo4j-driver"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { missing, type Neo4jServer, START_TIMEOUT, startNeo4j } from "../support/neo4j.ts"
import { type Dump } from "../pairs/dump.ts"
import { dump, IMPATIENT, migrateTo, occupy, rollBack, snapshot } from "./neo4jTarget.ts"
import { type Direction, type Proxy, type Rule, startProxy, type Verdict } from "./proxy.ts"
import { points, random, sample, SEED } from "./sweep.ts"

// A message without fields is a chunk of two bytes: the head of a structure, and its kind.
const COMMIT = Buffer.from([0x00, 0x02, 0xb0, 0x12, 0x00, 0x00])

const OPTIONS = { lease: 2000, patience: 20_000 }
const POINT_TIMEOUT = 120_000
/** Taking the fence, nodes, relationships, giving the fence back. */
const COMMITS = 4

const why = missing()
let server: Neo4jServer
let driver: Driver
let proxy: Proxy
let restore: (driver: Driver) => Promise<void>
let before: Dump
let after: Dump
/** Where each chunk of a whole run began, in a run without faults, and how many commits there were. */
const chunks: Array<{ readonly direction: Direction; readonly at: number }> = []
const outcomes = new Map<string, number>()

const under = (rule: Rule) => {
  const start = proxy.bytes()
  proxy.setRule((direction, bytes, chunk) => rule(direction, bytes - start[direction], chunk))
}

/** The rule that does something once: to the chunk that `is` says. */
const once = (is: (...sent: Parameters<Rule>) => boolean, verdict: Verdict): Rule => {
  let done = false
  return (...sent) => {
    if (done || !is(...sent)) return "pass"
    done = true
    return verdict
  }
}

const migrating = () => migrateTo({ port: proxy.port, limits: IMPATIENT, options: OPTIONS })

const killAndStart = async (): Promise<void> => {
  await server.kill()
  server = await startNeo4j({ again: server })
}

/**
 * A connection that is cut while the server commits: that commit may land at any time, also when the run has ended. What
 * can land so late is the making of a fence, which is clean then: it guards nothing, and the next run replaces it.
 */
const isLateFence = (line: string): boolean => line.startsWith('[["_MgRun"],[["dirty","false"]')

/** The target against what the report says of it. */
const check = async ({ report, state }: Awaited<ReturnType<typeof migrating>>): Promise<void> => {
  proxy.setRule(() => "pass")
  const found = (await dump(driver)).filter((line) => !isLateFence(line))
  const said = `${report.outcome} ${JSON.stringify(report.error)}`
  if (report.exitCode === 0) {
    expect(found, said).toEqual(after)
    expect(report.verification?.mode, said).toBe("full")
  } else if (report.exitCode === 7) {
    // It says that something is left, and how to finish it.
    await rollBack({ port: server.port }, state, report.run)
    expect(await dump(driver), said).toEqual(before)
  } else {
    expect([3, 4, 5, 6, 9], said).toContain(report.exitCode)
    expect(found, said).toEqual(before)
  }
  const failed = report.error === null ? "" : ` (${report.error.tag})`
  outcomes.set(report.outcome + failed, (outcomes.get(report.outcome + failed) ?? 0) + 1)
}

beforeAll(async () => {
  if (why !== undefined) return
  server = await startNeo4j()
  driver = server.driver()
  await migrateTo({ port: server.port })
  await occupy(driver)
  restore = await snapshot(driver)
  before = await dump(driver)
  proxy = await startProxy({ host: "127.0.0.1", port: server.port })
  let commits = 0
  under((direction, at, chunk) => {
    chunks.push({ direction, at })
    if (direction === "up" && chunk.includes(COMMIT)) commits++
    return "pass"
  })
  const { report } = await migrating()
  expect(report.exitCode).toBe(0)
  expect(report.records.overwritten).toBeGreaterThan(5)
  // Heartbeats may come between.
  expect(commits).toBeGreaterThanOrEqual(COMMITS)
  after = await dump(driver)
}, START_TIMEOUT)

afterAll(async () => {
  if (why !== undefined) return
  process.stdout.write(`      ${[...outcomes].map(([outcome, times]) => `${times} ${outcome}`).join(", ")}\n`)
  await proxy.close()
  await driver.close()
  await server.stop()
})

beforeEach(async (context) => {
  if (why !== undefined) return context.skip(why)
  await restore(driver)
  expect(await dump(driver)).toEqual(before)
})

afterEach(() => proxy?.setRule(() => "pass"))

const FAULTS: ReadonlyArray<readonly [name: string, verdict: Verdict]> = [
  ["is lost with its connection", "cut"],
  ["is swallowed", "drop"],
  ["comes 0.3 s late", { delay: 300 }],
  ["comes 6 s late", { delay: 6000 }]
]

/** Each fault at each commit: taking the fence, the batches, giving the fence back. */
const atCommits = FAULTS.flatMap(([name, verdict]) =>
  Array.from({ length: COMMITS }, (_, number) => [name, number, verdict] as const)
)

describe(`a connection that fails (seed ${SEED})`, () => {
  it.for(sample("commits", atCommits, 2))("%s: commit %d", { timeout: POINT_TIMEOUT }, async ([, number, verdict]) => {
    let seen = 0
    under(once((direction, _, chunk) => direction === "up" && chunk.includes(COMMIT) && seen++ === number, verdict))
    await check(await migrating())
  })

  it.for(sample("answers", atCommits, 2))(
    "%s: the answer to commit %d",
    { timeout: POINT_TIMEOUT },
    async ([, number, verdict]) => {
      let seen = 0
      let asked = false
      under(
        once((direction, _, chunk) => {
          if (direction === "up" && chunk.includes(COMMIT)) asked = seen++ === number
          return direction === "down" && asked
        }, verdict)
      )
      await check(await migrating())
    }
  )

  const next = random("anywhere")
  it.for(
    Array.from(
      { length: points(2, 100) },
      (_, i) => [FAULTS[i % FAULTS.length]?.[0] ?? "", next(), FAULTS[i % FAULTS.length]?.[1] ?? "cut"] as const
    )
  )("a chunk %s, at %d of the way", { timeout: POINT_TIMEOUT }, async ([, where, verdict]) => {
    const point = chunks[Math.floor(where * chunks.length)]
    under(once((direction, at) => direction === point?.direction && at >= point.at, verdict))
    await check(await migrating())
  })
})

describe(`a server that is killed (seed ${SEED})`, () => {
  it.for(
    sample(
      "kills",
      Array.from({ length: 2 * COMMITS }, (_, at) => [at >> 1, at % 2 === 1] as const),
      1
    )
  )("at commit %d (after it: %s), and started again", { timeout: START_TIMEOUT }, async ([number, isAfter]) => {
    let seen = 0
    let asked = false
    let started: Promise<unknown> | undefined
    under((direction, _, chunk) => {
      if (started !== undefined) return "pass"
      if (direction === "up" && chunk.includes(COMMIT)) asked = seen++ === number
      if (!asked || (isAfter && direction === "up")) return "pass"
      started = killAndStart()
      return "cut"
    })
    const ended = await migrateTo({
      port: proxy.port,
      limits: IMPATIENT,
      options: { lease: 2000, patience: START_TIMEOUT }
    })
    expect(started, "no such commit").toBeDefined()
    await started
    await driver.close()
    driver = server.driver()
    await check(ended)
  })
})
