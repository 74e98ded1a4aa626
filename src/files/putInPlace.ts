/** Gives a finished temporary file its name. */
import * as fs from "node:fs"
import { codeOf } from "./errorCode.ts"

const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"])

/**
 * Gives the temporary file the target's name, unless something has that name: by a link, or where the file system has
 * none by an exclusively created placeholder that the file is renamed over. Throws `EEXIST` where the name is taken.
 */
export const putInPlace = (
  temporary: string,
  file: string,
  link: (from: string, to: string) => void = fs.linkSync
): void => {
  try {
    link(temporary, file)
  } catch (cause) {
    if (!NO_LINKS.has(codeOf(cause))) throw cause
    fs.closeSync(fs.openSync(file, "wx", 0o600))
    try {
      fs.renameSync(temporary, file)
    } catch (failure) {
      fs.rmSync(file, { force: true })
      throw failure
    }
    return
  }
  fs.rmSync(temporary, { force: true })
}
