/** From a store as a run's manifest keeps it back to the words that name it. */
import type { StoreName } from "../migration/manifest.ts"
import type { Naming, StoreFlags } from "./stores.ts"

/** No flags at all. */
export const NO_FLAGS: StoreFlags = {
  path: undefined,
  uri: undefined,
  host: undefined,
  port: undefined,
  user: undefined,
  "password-file": undefined,
  database: undefined,
  graph: undefined,
  layout: undefined,
  tls: undefined,
  "ca-file": undefined
}

/** What names the store again; its password comes from the file, the environment, or whoever is asked. */
export const namingOf = (
  role: Naming["role"],
  prefix: Naming["prefix"],
  name: StoreName,
  passwordFile: string | undefined
): Naming => {
  const { caFile, database, graph, host, kind, layout, path, port, routing, tls, user } = name
  if (path !== undefined) return { role, prefix, word: `${kind}:${path}`, flags: { ...NO_FLAGS, layout, graph } }
  const place =
    host === undefined ? "" : `${host.includes(":") ? `[${host}]` : host}${port === undefined ? "" : `:${port}`}`
  // Only the scheme says that a cluster is to be asked for its members.
  const scheme = kind === "neo4j" && routing !== true ? "bolt" : kind
  return {
    role,
    prefix,
    word: `${scheme}://${place}`,
    flags: { ...NO_FLAGS, user, "password-file": passwordFile, database, graph, tls, "ca-file": caFile }
  }
}
