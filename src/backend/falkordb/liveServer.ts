/**
 * The live server of a FalkorDBLite file: Python's falkordblite leaves `<path>.settings` beside a file that it serves.
 * Two engines on one file would overwrite each other's work, so where one lives we talk to it.
 */
import * as Effect from "effect/Effect"
import * as fs from "node:fs"

/** The name of the settings file. */
export const settingsPath = (file: string): string => `${file}.settings`

const readJson = (file: string): unknown => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"))
  } catch {
    return undefined
  }
}

const text = (value: unknown, name: string): string | undefined => {
  if (typeof value !== "object" || value === null || !(name in value)) return undefined
  const found: unknown = Reflect.get(value, name)
  return typeof found === "string" ? found : undefined
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // EPERM: it lives and belongs to somebody else.
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/** The unix socket of the server that serves the file; undefined where none lives. A stale settings file is let be. */
export const liveSocket = (file: string): Effect.Effect<string | undefined> =>
  Effect.sync(() => {
    const settings = readJson(settingsPath(file))
    const pidFile = text(settings, "pidfile")
    const socket = text(settings, "unixsocket")
    if (pidFile === undefined || socket === undefined || !fs.existsSync(socket) || !fs.existsSync(pidFile))
      return undefined
    const pid = Number(fs.readFileSync(pidFile, "utf8").trim())
    return Number.isInteger(pid) && pid > 0 && isAlive(pid) ? socket : undefined
  })
