/** FalkorDB servers, over TCP, with or without TLS. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { FalkorDBOptions } from "falkordb"
import * as dns from "node:dns/promises"
import * as fs from "node:fs/promises"
import { type MigrationError, StoreUnavailable } from "../../domain/Errors.ts"
import type { GraphBackend } from "../GraphBackend.ts"
import { DEFAULT_GRAPH, type FalkorDBConfig } from "../StoreConfig.ts"
import * as server from "./server.ts"

const KIND = "falkordb"

// The same server has several names; a name that cannot be resolved here may still be known to a tunnel.
const address = (host: string): Effect.Effect<string> =>
  Effect.promise(() =>
    dns.lookup(host).then(
      (found) => (found.address === "::1" ? "127.0.0.1" : found.address),
      () => host
    )
  )

const readCa = (location: string, file: string): Effect.Effect<string, StoreUnavailable> =>
  Effect.tryPromise({
    try: () => fs.readFile(file, "utf8"),
    catch: (cause) =>
      new StoreUnavailable({
        backend: KIND,
        location,
        reason: "permission",
        message: `The certificate file ${file} cannot be read: ${String(cause)}. Nothing was sent.`,
        cause
      })
  })

const driverOptions = (config: FalkorDBConfig, location: string): Effect.Effect<FalkorDBOptions, StoreUnavailable> =>
  Effect.gen(function* () {
    const { host, port } = config
    const ca = config.caFile === undefined ? undefined : yield* readCa(location, config.caFile)
    // Whoever names a certificate does not mean to send a password in clear.
    const tls = config.tls ?? (ca === undefined ? "off" : "verify")
    return {
      socket:
        tls === "off"
          ? { host, port }
          : { host, port, tls: true, rejectUnauthorized: tls === "verify", ...(ca !== undefined && { ca }) },
      ...(config.user !== undefined && { username: config.user }),
      ...(config.password !== undefined && { password: Redacted.value(config.password) })
    }
  })

/**
 * Connects a graph on a server. `timeLimit` is how long the answer to one command is waited for, in milliseconds; ten
 * minutes unless given.
 */
export const make = (
  config: FalkorDBConfig,
  options: { readonly timeLimit?: number | undefined } = {}
): Effect.Effect<GraphBackend, MigrationError, Scope.Scope> =>
  Effect.gen(function* () {
    const key = config.graph ?? DEFAULT_GRAPH
    const location = `falkordb://${config.host}:${config.port}/${key}`
    const identity = `${KIND}:${yield* address(config.host)}:${config.port}/${key}`
    return yield* server.make({
      backend: KIND,
      location,
      identity,
      key,
      driver: yield* driverOptions(config, location),
      timeLimit: options.timeLimit
    })
  })
