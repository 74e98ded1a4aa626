/** The head of a redis dump file: enough to know which engine reads it, without loading it. */
import * as Effect from "effect/Effect"
import * as fs from "node:fs/promises"
import { StoreUnavailable, type StoreReason } from "../../domain/Errors.ts"

/** What a dump says of itself. `version` is the RDB version, `redis` the version of the server that wrote it. */
export interface RdbHeader {
  readonly version: number
  readonly redis: string | undefined
}

const problem = (location: string, reason: StoreReason, message: string, cause?: unknown) =>
  new StoreUnavailable({ backend: "falkordblite", location, reason, message, ...(cause !== undefined && { cause }) })

/** Reads the first bytes of a dump: `REDIS0012`, then auxiliary fields, of which `redis-ver` comes first. */
export const parseHeader = (head: Buffer): RdbHeader | undefined => {
  const magic = /^REDIS(\d{4})/.exec(head.toString("latin1", 0, 9))
  if (magic === null) return undefined
  const field = /\xfa\tredis-ver([\x01-\x3f])/.exec(head.toString("latin1"))
  const start = field === null ? 0 : field.index + field[0].length
  const length = field?.[1]?.charCodeAt(0) ?? 0
  return { version: Number(magic[1]), redis: length > 0 ? head.toString("latin1", start, start + length) : undefined }
}

/** Reads the header of a file. Undefined where there is no file or an empty one; fails where it is not a dump. */
export const readHeader = (path: string): Effect.Effect<RdbHeader | undefined, StoreUnavailable> =>
  Effect.tryPromise({
    try: async () => {
      const file = await fs.open(path, "r")
      try {
        if ((await file.stat()).isDirectory())
          throw problem(path, "not-this-kind", `${path} is a folder, not a FalkorDBLite file.`)
        const head = Buffer.alloc(256)
        const { bytesRead } = await file.read(head, 0, head.length, 0)
        return head.subarray(0, bytesRead)
      } finally {
        await file.close()
      }
    },
    catch: (cause) => {
      if (cause instanceof StoreUnavailable) return cause
      const code = cause instanceof Error && "code" in cause ? cause.code : undefined
      if (code === "ENOENT") return undefined
      if (code === "EACCES" || code === "EPERM") {
        return problem(path, "permission", `${path} cannot be read with this user's rights.`, cause)
      }
      return problem(path, "corrupt", `${path} cannot be read: ${String(cause)}.`, cause)
    }
  }).pipe(
    Effect.flatMap((head) => {
      if (head.length === 0) return Effect.succeed(undefined)
      const header = parseHeader(head)
      if (header !== undefined) return Effect.succeed(header)
      const sqlite =
        head.toString("latin1", 0, 15) === "SQLite format 3" ? " It is an SQLite file: name it as sqlite:PATH." : ""
      return Effect.fail(problem(path, "not-this-kind", `${path} is not a FalkorDBLite file (no redis dump).${sqlite}`))
    }),
    Effect.catchAll((error) => (error === undefined ? Effect.succeed(undefined) : Effect.fail(error)))
  )
