/**
 * Temporary files that outlive a kill, named so that a later run can tell whether their owner still lives: host, boot
 * and process id are part of the name. A file of another host (a shared folder) is never taken for dead.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const digest = (text: string): string => crypto.hash("sha256", text, "hex").slice(0, 8)

const systemText = (read: () => string): string => {
  try {
    return read().trim()
  } catch {
    // Not Linux, or no /proc: the host's name has to do.
    return ""
  }
}

// Containers share a kernel and its boot id, but number their processes each for themselves.
const HOST = digest(os.hostname() + systemText(() => fs.readlinkSync("/proc/self/ns/pid")))
const BOOT = digest(systemText(() => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8")))

/** Names this process: `host-boot-pid`. */
export const OWNER = `${HOST}-${BOOT}-${process.pid}`

const OWNER_PATTERN = /([0-9a-f]{8})-([0-9a-f]{8})-(\d+)(?=\.|$)/

/** True where the owner that a file's name ends with (before its suffixes) is known to be gone. */
export const isOrphan = (name: string): boolean => {
  const [, host, boot, pid] = OWNER_PATTERN.exec(name) ?? []
  if (host !== HOST || pid === undefined) return false
  if (boot !== BOOT) return true
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (cause) {
    // EPERM: it lives and belongs to somebody else.
    return cause instanceof Error && "code" in cause && cause.code === "ESRCH"
  }
}

/** Removes what dead owners left in a folder under names with this prefix. What cannot be removed stays. */
export const sweep = (folder: string, prefix: string): void => {
  let names: ReadonlyArray<string>
  try {
    names = fs.readdirSync(folder)
  } catch {
    return
  }
  for (const name of names) {
    if (!name.startsWith(prefix) || !isOrphan(name)) continue
    try {
      fs.rmSync(path.join(folder, name), { recursive: true, force: true })
    } catch {
      // Litter, not harm: the next run tries again.
    }
  }
}
