/** FalkorDBLite files as the conformance suite takes them. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import * as FalkorDBLite from "../../../src/backend/falkordb/FalkorDBLiteBackend.ts"
import { DUMP, start } from "../../../src/backend/falkordb/process.ts"
import { StoreUnavailable } from "../../../src/domain/Errors.ts"
import type { Harness, Place } from "../../../src/testing/conformance/index.ts"
import { temporaryFolder } from "../../../src/testing/conformance/support.ts"
import { engine } from "../../support/falkordb.ts"

const failed = (cause: { readonly message: string }) =>
  new StoreUnavailable({ backend: "test", location: "test", reason: "driver", message: cause.message })

/** Runs an engine of the test's own on a copy of the file; what it saves becomes the file. */
export const changeFile = <A, E>(file: string, use: (socket: string) => Effect.Effect<A, E>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const dump = path.join(folder, DUMP)
      if (fs.existsSync(file)) fs.copyFileSync(file, dump)
      const { connection, socket } = yield* Effect.mapError(
        start(engine(), { backend: "test", location: file, folder }),
        failed
      )
      const result = yield* use(socket)
      yield* Effect.mapError(connection.command("SAVE"), failed)
      fs.copyFileSync(dump, file)
      return result
    })
  )

/** Sends raw bytes as one command: text that is not UTF-8 cannot be sent otherwise. */
export const sendBytes = (address: net.NetConnectOpts, parts: ReadonlyArray<Buffer>): Effect.Effect<string> =>
  Effect.promise(
    () =>
      new Promise<string>((resolve, reject) => {
        const socket = net.connect(address)
        socket.once("error", reject)
        socket.once("data", (data) => {
          socket.end()
          resolve(data.toString("latin1"))
        })
        socket.write(`*${parts.length}\r\n`)
        for (const part of parts)
          socket.write(Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]))
      })
  )

/** Makes the text of one node something that is not UTF-8, as a program in another language might. */
export const spoilGraph = (address: net.NetConnectOpts, graph: string) =>
  sendBytes(
    address,
    ["GRAPH.QUERY", graph, "MATCH (n) WITH n LIMIT 1 SET n.spoiled = 'a\xffb'"].map((part) =>
      Buffer.from(part, "latin1")
    )
  )

/** A file that `prepare` makes, or that does not exist at first. */
export const liteHarness = (
  name: string,
  options: { readonly prepare?: (file: string) => void; readonly runs?: number } = {}
): Harness => ({
  name,
  runs: options.runs,
  // It has no constraint that would refuse one record and no other.
  without: ["refuse"],
  place: Effect.map(temporaryFolder, (folder): Place => {
    const file = path.join(folder, "store.fdb")
    options.prepare?.(file)
    return {
      connect: FalkorDBLite.make({ kind: "falkordblite", path: file }),
      traces: Effect.sync(() => fs.readdirSync(folder).sort()),
      spoil: Effect.asVoid(changeFile(file, (socket) => spoilGraph({ path: socket }, "memorygraph")))
    }
  })
})
