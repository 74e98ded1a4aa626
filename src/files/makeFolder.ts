/** Folders that are made where they are missing. */
import * as fs from "node:fs"
import * as path from "node:path"
import { codeOf } from "./errorCode.ts"

/** How often another process may remove a parent in between. */
const TRIES = 10

const missingParts = (folder: string): ReadonlyArray<string> => {
  const missing: Array<string> = []
  for (let at = path.resolve(folder); !fs.existsSync(at) && path.dirname(at) !== at; at = path.dirname(at)) {
    missing.unshift(at)
  }
  return missing
}

/**
 * Makes a folder (0700) and those above it that are missing; returns the first that was made, if any. Throws what the
 * system throws. Not `recursive`: Node tries for ever where a parent is there and says that it is not, as `/proc` does.
 */
export const makeFolder = (folder: string): string | undefined => {
  let first: string | undefined
  for (let tries = 1; ; tries++) {
    const missing = missingParts(folder)
    try {
      // Throws where something else has the name.
      if (missing.length === 0 && !fs.statSync(folder).isDirectory()) fs.mkdirSync(folder)
      for (const one of missing) {
        fs.mkdirSync(one, { mode: 0o700 })
        first ??= one
      }
      return first
    } catch (cause) {
      // Another process has made it, or removed what it stands in.
      const isRace = codeOf(cause) === "ENOENT" || (codeOf(cause) === "EEXIST" && missing.length > 0)
      if (!isRace || tries === TRIES) throw cause
    }
  }
}
