/**
 * A disk that can be full: a tmpfs of a chosen size in a mount namespace of its own. The command runs inside; the test
 * fills the disk and looks at it from outside, at any moment of the run.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as path from "node:path"
import { tempFolder } from "../support/migrating.ts"

// A user namespace lets anybody mount; where it is not allowed, root can do without.
const WAYS = [
  { unshare: ["-Urm"], nsenter: ["-U", "-m", "--preserve-credentials"] },
  { unshare: ["-m"], nsenter: ["-m"] }
] as const

const way = WAYS.find(
  ({ unshare }) =>
    process.platform === "linux" &&
    spawnSync("unshare", [...unshare, "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0"', tempFolder()]).status === 0 &&
    spawnSync("nsenter", ["--version"]).status === 0
)

/** Why no small disk can be made here; undefined where one can. */
export const noSmallDisk: string | undefined =
  way === undefined
    ? "not run: no small disk can be mounted here (unshare, or user namespaces, are not allowed)"
    : undefined

/** A mounted disk. */
export interface SmallDisk {
  /** Its path for what runs inside. */
  readonly path: string
  /** Its path for the test. */
  readonly seen: string
  /** The command line that runs a command where the disk is. */
  readonly inside: (command: string, args: ReadonlyArray<string>) => readonly [string, ReadonlyArray<string>]
  /** Writes until nothing more fits, but for so many bytes. */
  readonly fill: (leave?: number) => void
  /** What was filled is free again. */
  readonly clear: () => void
  readonly stop: () => Promise<void>
}

const FILLER = "filler"

/** Mounts a disk of so many megabytes. */
export const makeSmallDisk = async (megabytes: number): Promise<SmallDisk> => {
  if (way === undefined) throw new Error(noSmallDisk)
  const mount = path.join(tempFolder(), "disk")
  fs.mkdirSync(mount)
  const script = `mount -t tmpfs -o size=${megabytes}m,mode=0700 tmpfs "$0" && echo mounted && read -r _`
  const holder = spawn("unshare", [...way.unshare, "sh", "-c", script, mount], { stdio: ["pipe", "pipe", "inherit"] })
  const ended = once(holder, "exit")
  await once(holder.stdout, "data")
  const seen = `/proc/${holder.pid}/root${mount}`
  const filler = path.join(seen, FILLER)
  return {
    path: mount,
    seen,
    inside: (command, args) => ["nsenter", ["-t", String(holder.pid), ...way.nsenter, "--", command, ...args]],
    fill: (leave = 0) => {
      const { bavail, bsize } = fs.statfsSync(seen)
      const file = fs.openSync(filler, "a")
      try {
        const block = Buffer.alloc(1024 * 1024, 1)
        for (let left = bavail * bsize - leave; left > 0;)
          left -= fs.writeSync(file, block, 0, Math.min(left, block.length))
        // What was freed meanwhile, too.
        while (leave === 0) fs.writeSync(file, block, 0, bsize)
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "ENOSPC")) throw cause
      } finally {
        fs.closeSync(file)
      }
    },
    clear: () => fs.rmSync(filler, { force: true }),
    stop: async () => {
      holder.stdin.end()
      await ended
    }
  }
}
