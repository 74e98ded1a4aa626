/** The file that the Python MemoryGraph wrote, read by the backend and, for comparison, by raw replies of its own engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import type * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as FalkorDBLite from "../../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import * as Fingerprint from "../../../src/domain/Fingerprint.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"
import { engineAvailable } from "../../support/falkordb.ts"
import { withRawEngine } from "../../support/rawEngine.ts"
import { raw, type Reply } from "../../support/rawRedis.ts"

const FIXTURE = new URL("../../fixtures/falkordblite-small.fdb", import.meta.url).pathname
const NEWER = new URL("../../fixtures/falkordblite-newer-engine.fdb", import.meta.url).pathname

const digest = (file: string) => crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex")

let folder: string
let file: string
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "mg-test-fixture-"))
  file = path.join(folder, "memory.fdb")
  fs.copyFileSync(FIXTURE, file)
  fs.chmodSync(file, 0o600)
})
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const readAll = (): Promise<ReadonlyArray<GraphRecord>> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const backend = yield* FalkorDBLite.make({ kind: "falkordblite", path: file })
        return Chunk.toReadonlyArray(yield* Stream.runCollect(backend.read()))
      })
    )
  )

const list = (reply: Reply | undefined): ReadonlyArray<Reply> => {
  if (!Array.isArray(reply)) throw new Error(`not a list: ${JSON.stringify(reply)}`)
  return reply
}

// One value of a compact reply. Floats come as [a, b] with value (a + b / 2^40) / 2^30: another way than the backend's.
const plain = (value: Reply | undefined, scaled: () => Reply | undefined): unknown => {
  const [type, content] = list(value)
  switch (type) {
    case 2:
      return content
    case 3:
      return BigInt(Number(content))
    case 4:
      return content === "true"
    case 5: {
      const [a, b] = list(list(scaled())[1]).map((part) => Number(list(part)[1]))
      // The smallest double of all is among them: too small to be scaled so, and printed with digits enough.
      return a === 0 && b === 0 ? Number(content) : ((a ?? 0) + (b ?? 0) / 2 ** 40) / 2 ** 30
    }
    case 6:
      return list(content).map((item) => plain(item, scaled))
    default:
      throw new Error(`type ${String(type)} is not in the fixture`)
  }
}

const scaledFloats = (v: string) =>
  `[k IN keys(${v}) WHERE typeOf(${v}[k]) = 'Float' | [toInteger(${v}[k] * 1073741824.0), ` +
  `toInteger((${v}[k] * 1073741824.0 - toInteger(${v}[k] * 1073741824.0)) * 1099511627776.0)]]`

const columns = (v: string) => `[k IN keys(${v}) | k], [k IN keys(${v}) | ${v}[k]], ${scaledFloats(v)}`

const properties = (keys: Reply | undefined, values: Reply | undefined, floats: Reply | undefined) => {
  const names = list(list(keys)[1]).map((key) => String(list(key)[1]))
  const scaled = list(list(floats)[1])[Symbol.iterator]()
  const entries = list(list(values)[1]).map(
    (value, i) => [names[i] ?? "", plain(value, () => scaled.next().value)] as const
  )
  return Object.fromEntries(entries)
}

const query = async (address: net.NetConnectOpts, cypher: string) => {
  const reply = await raw(address, "GRAPH.RO_QUERY", "memorygraph", cypher, "--compact")
  return list(list(reply)[1]).map(list)
}

describe.skipIf(engineAvailable !== undefined)(`the Python MemoryGraph's file ${engineAvailable ?? ""}`, () => {
  it("is read exactly as its own engine has it, and is left alone", async () => {
    const before = { digest: digest(file), mtime: fs.statSync(file).mtimeMs, names: fs.readdirSync(folder) }
    const records = await readAll()
    const expected = await withRawEngine(file, async (address) => {
      const nodes = (await query(address, `MATCH (n) RETURN labels(n), ${columns("n")}`)).map(
        ([labels, keys, values, floats]) => {
          const found = properties(keys, values, floats)
          const names = list(list(labels)[1]).map((label) => String(list(label)[1]))
          return { _tag: "Node", key: found["id"], labels: names, properties: found }
        }
      )
      const links = (await query(address, `MATCH (a)-[r]->(b) RETURN a.id, type(r), b.id, ${columns("r")}`)).map(
        ([from, type, to, keys, values, floats]) => {
          const found = properties(keys, values, floats)
          const key = found["id"] ?? null
          const [start, kind, end] = [from, type, to].map((value) => String(list(value)[1]))
          return { _tag: "Relationship", key, from: start, to: end, type: kind, properties: found }
        }
      )
      return [...nodes, ...links]
    })
    const sorted = (all: ReadonlyArray<unknown>) => [...all].map((one) => canonicalLine(one as GraphRecord)).sort()
    expect(sorted(records)).toEqual(sorted(expected))
    expect(records).toHaveLength(94)
    expect(
      records.filter(({ _tag, key }) => _tag === "Relationship" && key === null).map((r) => "type" in r && r.type)
    ).toEqual(["MENTIONS", "MENTIONS"])
    expect({ digest: digest(file), mtime: fs.statSync(file).mtimeMs, names: fs.readdirSync(folder) }).toEqual(before)
    const builder = new Fingerprint.Builder()
    for (const record of records) builder.addLine(record._tag, canonicalLine(record))
    expect(builder.finish().text).toBe("mg1:4e508a4b9580321e")
  })

  it("is counted as it is", async () => {
    const [statistics, health] = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const backend = yield* FalkorDBLite.make({ kind: "falkordblite", path: file })
          return [yield* backend.statistics, yield* backend.health] as const
        })
      )
    )
    expect(statistics).toMatchObject({ nodes: 32, relationships: 62, labels: { Memory: 30, Entity: 2 } })
    expect(statistics.types).toMatchObject({ MENTIONS: 2, RELATED_TO: 15 })
    expect(health).toMatchObject({
      writable: true,
      bytes: fs.statSync(file).size,
      version: expect.stringContaining("FalkorDB")
    })
  })

  it("of a newer engine is refused, untouched, with the engine that is needed", async () => {
    const newer = path.join(folder, "newer.fdb")
    fs.copyFileSync(NEWER, newer)
    const before = digest(newer)
    const error = await Effect.runPromise(
      Effect.flip(
        Effect.scoped(
          Effect.flatMap(FalkorDBLite.make({ kind: "falkordblite", path: newer }), ({ statistics }) => statistics)
        )
      )
    )
    expect(error).toMatchObject({
      _tag: "StoreUnavailable",
      reason: "newer-engine",
      message: expect.stringContaining("8.10.2")
    })
    expect(digest(newer)).toBe(before)
    expect(digest(NEWER)).toBe(before)
  })
})
