/** From a store as a run's manifest keeps it back to the words that name it. */
import { DEFAULT_GRAPH } from "../backend/StoreConfig.ts"
import type { StoreName } from "../migration/manifest.ts"
import type { Config } from "./configFile.ts"
import { DEFAULT_HOST, DEFAULT_PORTS, type Naming, type StoreFlags } from "./stores.ts"

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

/** What the config file calls this server's store, if it does: its entry knows where the password is. */
const nameInConfig = (name: StoreName, config: Config): string | undefined => {
  const { kind } = name
  if (kind === "sqlite" || kind === "falkordblite") return undefined
  return [...config.stores.values()].find(
    (named) =>
      named.kind === kind &&
      (named.host ?? DEFAULT_HOST) === name.host &&
      (named.port ?? DEFAULT_PORTS[kind]) === name.port &&
      (kind !== "falkordb" || (named.graph ?? DEFAULT_GRAPH) === (name.graph ?? DEFAULT_GRAPH)) &&
      (named.database ?? "") === (name.database ?? "") &&
      (named.user ?? name.user) === (name.user ?? named.user)
  )?.name
}

/** How a store of a manifest is named again. */
export interface NamingOptions {
  readonly passwordFile?: string | undefined
  /** A store that it knows under a name is reached as its entry there says. */
  readonly config?: Config | undefined
}

/** What names the store again; its password comes from the file, the config, the environment, or whoever is asked. */
export const namingOf = (
  role: Naming["role"],
  prefix: Naming["prefix"],
  name: StoreName,
  { config, passwordFile }: NamingOptions = {}
): Naming => {
  const { caFile, database, graph, host, kind, layout, path, port, routing, tls, user } = name
  if (path !== undefined) return { role, prefix, word: `${kind}:${path}`, flags: { ...NO_FLAGS, layout, graph } }
  const known = config === undefined ? undefined : nameInConfig(name, config)
  if (known !== undefined) return { role, prefix, word: known, flags: { ...NO_FLAGS, "password-file": passwordFile } }
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
