/** The file that a path means. */
import * as fs from "node:fs"
import * as path from "node:path"
import { codeOf } from "./errorCode.ts"

const MAX_LINKS = 40

/**
 * The real path: links resolved as far as they lead, also where the last one points to nothing yet. Throws what the
 * system throws for a loop of links, or for a folder that may not be searched.
 */
export const resolvePath = (given: string): string => {
  let file = path.resolve(given)
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      return fs.realpathSync(file)
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw cause
    }
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) break
    file = path.resolve(path.dirname(file), fs.readlinkSync(file))
  }
  const folder = path.dirname(file)
  return fs.existsSync(folder) ? path.join(fs.realpathSync(folder), path.basename(file)) : file
}
