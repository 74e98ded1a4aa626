/** Private SQLite databases for what does not fit into memory, gone with their connection. */
import * as fs from "node:fs"
import * as os from "node:os"
import Database from "better-sqlite3"

/** Less room than this, in bytes, and nothing is trusted to the disk. */
const ROOM = 512 * 1024 * 1024

// Where SQLite itself looks, in its order.
const folder = (): string =>
  [process.env["SQLITE_TMPDIR"], process.env["TMPDIR"], "/var/tmp", "/usr/tmp", "/tmp"].find(
    (one) => one !== undefined && fs.existsSync(one)
  ) ?? os.tmpdir()

const hasRoom = (): boolean => {
  try {
    const { bavail, bsize } = fs.statfsSync(folder())
    return bavail * bsize >= ROOM
  } catch {
    // It cannot be asked on this system: SQLite will see.
    return true
  }
}

/**
 * Opens one: an unlinked file that SQLite spills to beyond its cache; in memory where the disk for temporary files is
 * nearly full, because an undo must not fail for want of space.
 */
export const temporaryDatabase = (): Database.Database => new Database(hasRoom() ? "" : ":memory:")
