/** The settings that MemoryGraph programs read from the environment, and this product's own. */
import * as os from "node:os"
import * as path from "node:path"
import type { Kind } from "../backend/StoreConfig.ts"

/** Environment variables by name; an empty one counts as not set. */
export type Environment = { readonly [name: string]: string | undefined }

/** What a kind's settings are called; the first one that is set holds. */
export interface Settings {
  readonly path?: ReadonlyArray<string>
  readonly uri?: ReadonlyArray<string>
  readonly host?: ReadonlyArray<string>
  readonly port?: ReadonlyArray<string>
  readonly user?: ReadonlyArray<string>
  readonly password?: ReadonlyArray<string>
  readonly database?: ReadonlyArray<string>
  readonly graph?: ReadonlyArray<string>
}

/** The variables of each kind. */
export const SETTINGS: { readonly [K in Kind]: Settings } = {
  sqlite: { path: ["MEMORY_SQLITE_PATH"] },
  falkordblite: {
    path: ["MEMORY_FALKORDBLITE_PATH", "FALKORDBLITE_PATH"],
    graph: ["MEMORY_FALKORDBLITE_GRAPH"]
  },
  falkordb: {
    uri: ["MEMORY_FALKORDB_URI"],
    host: ["MEMORY_FALKORDB_HOST", "FALKORDB_HOST"],
    port: ["MEMORY_FALKORDB_PORT", "FALKORDB_PORT"],
    user: ["MEMORY_FALKORDB_USER"],
    password: ["MEMORY_FALKORDB_PASSWORD", "FALKORDB_PASSWORD"],
    graph: ["MEMORY_FALKORDB_GRAPH"]
  },
  neo4j: {
    uri: ["MEMORY_NEO4J_URI", "NEO4J_URI"],
    user: ["MEMORY_NEO4J_USER", "NEO4J_USER", "NEO4J_USERNAME"],
    password: ["MEMORY_NEO4J_PASSWORD", "NEO4J_PASSWORD"],
    database: ["MEMORY_NEO4J_DATABASE", "NEO4J_DATABASE"]
  },
  memgraph: {
    uri: ["MEMORY_MEMGRAPH_URI"],
    user: ["MEMORY_MEMGRAPH_USER"],
    password: ["MEMORY_MEMGRAPH_PASSWORD"],
    database: ["MEMORY_MEMGRAPH_DATABASE"]
  }
}

/** The variable that names the kind in use, and what MemoryGraph takes without it. */
export const BACKEND_VARIABLE = "MEMORY_BACKEND"
export const DEFAULT_BACKEND: Kind = "sqlite"

/** The variables of this product's own settings. */
export const STATE_VARIABLE = "MEMORYGRAPH_STATE_DIR"
export const PROGRESS_VARIABLE = "MEMORYGRAPH_PROGRESS"
export const ON_CONFLICT_VARIABLE = "MEMORYGRAPH_ON_CONFLICT"

/** Where MemoryGraph keeps its files unless told otherwise. */
export const DEFAULT_PATHS: { readonly [K in Kind]?: string } = {
  sqlite: "~/.memorygraph/memory.db",
  falkordblite: "~/.memorygraph/falkordblite.db"
}

/** The value of the first of these variables that is set and not empty. */
export const lookup = (env: Environment, names: ReadonlyArray<string> | undefined): string | undefined =>
  names?.map((name) => env[name]).find((value) => value !== undefined && value !== "")

/** Replaces a leading `~/`, which a shell leaves alone inside `sqlite:~/memory.db`. */
export const expandHome = (file: string): string =>
  file === "~" || file.startsWith("~/") ? path.join(os.homedir(), file.slice(1)) : file

/** The folder of runs and backups; `configured` is what the config file says. */
export const stateFolder = (env: Environment, configured?: string): string => {
  const own = lookup(env, [STATE_VARIABLE])
  if (own !== undefined) return path.resolve(expandHome(own))
  if (configured !== undefined) return configured
  const xdg = lookup(env, ["XDG_STATE_HOME"])
  return path.join(
    xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), ".local", "state"),
    "memorygraph-migrate"
  )
}
