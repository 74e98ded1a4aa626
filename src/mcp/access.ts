/**
 * Which files the tools may reach: those under the allowed roots, wherever links lead, and never this program's own
 * state. What a path means is decided once; the path that is returned is the real one, and the one to be used.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { Refused } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import { expandHome } from "../settings/environment.ts"
import { cut } from "./shownName.ts"

/** Decides about paths. */
export interface Access {
  /** The real path of a file or folder, which need not be there yet; refused where it may not be reached. */
  readonly file: (given: string) => Effect.Effect<string, Refused>
}

export interface AccessOptions {
  /** The allowed roots, of the config file and the command line. */
  readonly roots: ReadonlyArray<string>
  /** The state folder, which no path may touch. */
  readonly stateFolder: string
  /** The client's own roots, as `file:` URIs, which restrict further; undefined where it has none to tell. */
  readonly clientRoots: Effect.Effect<ReadonlyArray<string> | undefined, Refused>
}

const refused = (message: string): Refused =>
  new Refused({ reason: "not-allowed", message: `${message} Nothing was read or written.` })

const MAX_LINKS = 40

/** The real path: every link resolved, in the case that the disk has it; what is not there yet stays as it was said. */
const realPath = (given: string): string => {
  let file = path.resolve(given)
  const missing: Array<string> = []
  for (let links = 0; links < MAX_LINKS;) {
    try {
      return path.join(fs.realpathSync.native(file), ...missing)
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause
    }
    // A link that leads to nothing yet would lead a new file there.
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      file = path.resolve(path.dirname(file), fs.readlinkSync(file))
      links++
    } else {
      missing.unshift(path.basename(file))
      file = path.dirname(file)
    }
  }
  throw new Error("too many links")
}

const parents = (file: string): ReadonlyArray<string> => {
  const parent = path.dirname(file)
  return parent === file ? [file] : [file, ...parents(parent)]
}

const statOf = (file: string): fs.BigIntStats | undefined => fs.statSync(file, { bigint: true, throwIfNoEntry: false })

/** True where a real path is that folder or inside it: by the folder itself, whatever it is called or mounted as. */
const isInside = (file: string, folder: string): boolean => {
  const wanted = statOf(folder)
  return parents(file).some((parent) => {
    if (parent === folder) return true
    const found = wanted === undefined ? undefined : statOf(parent)
    return found !== undefined && wanted !== undefined && found.dev === wanted.dev && found.ino === wanted.ino
  })
}

/** Folders of what is no file: devices, processes, the kernel's settings. */
const NO_FILES = process.platform === "win32" ? [] : ["/proc", "/sys", "/dev"]
const DEVICE_NAME = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

const problemOf = (file: string): string | undefined => {
  if (NO_FILES.some((folder) => file === folder || file.startsWith(`${folder}/`))) return "is no file"
  if (process.platform === "win32" && (DEVICE_NAME.test(path.basename(file)) || file.startsWith("\\\\")))
    return "is no file"
  const found = fs.lstatSync(file, { throwIfNoEntry: false })
  return found === undefined || found.isFile() || found.isDirectory() ? undefined : "is neither a file nor a folder"
}

const ofUris = (uris: ReadonlyArray<string>): ReadonlyArray<string> =>
  uris.flatMap((uri) => {
    try {
      return [realPath(fileURLToPath(uri))]
    } catch {
      // No file, or nothing that can be reached: it allows nothing.
      return []
    }
  })

// As it is shown: what cannot be seen in it can be seen here.
const show = (given: string): string =>
  JSON.stringify(cut(given)).replaceAll(/\p{Cf}/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`)

/** Makes the decision for a server. Roots that are not there, or are no folders, allow nothing. */
export const make = ({ clientRoots, roots, stateFolder }: AccessOptions): Access => {
  const allowed = (file: string, folders: ReadonlyArray<string>) => folders.some((folder) => isInside(file, folder))
  const real = (file: string) => Effect.try({ try: () => realPath(file), catch: () => undefined })
  return {
    file: (given) =>
      Effect.gen(function* () {
        const name = show(given)
        if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|^\s|\s$/u.test(given) || given === "") {
          return yield* refused(`The path ${name} holds signs that cannot be seen. Name another.`)
        }
        const [first] = roots
        if (first === undefined) {
          return yield* refused(
            `No file may be reached: this server was started without an allowed root. Start it with "memorygraph mcp --root FOLDER", or set mcp.roots in its config file.`
          )
        }
        const outside = refused(
          `${name} is not under an allowed root, or leads out of it. Allowed are: ${roots.join(", ")}.`
        )
        const file = yield* Effect.mapError(real(path.resolve(expandHome(first), expandHome(given))), () => outside)
        const folders = yield* Effect.forEach(roots, (root) => Effect.option(real(expandHome(root))))
        if (
          !allowed(
            file,
            folders.flatMap((folder) => (folder._tag === "Some" ? [folder.value] : []))
          )
        ) {
          return yield* outside
        }
        const own = yield* Effect.orElseSucceed(real(stateFolder), () => path.resolve(stateFolder))
        if (isInside(file, own) || isInside(own, file)) {
          return yield* refused(`${name} is, or holds, the state folder of this program, which no tool touches.`)
        }
        const problem = problemOf(file)
        if (problem !== undefined) return yield* refused(`${name} ${problem}.`)
        const theirs = yield* clientRoots
        if (theirs !== undefined && !allowed(file, ofUris(theirs))) {
          return yield* refused(
            `${name} is under an allowed root, but not under one that the client shares (its MCP roots). Share its folder there, or name another path.`
          )
        }
        return file
      })
  }
}
