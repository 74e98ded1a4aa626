// The Node to run things with: the one that npm installed with us where it is there, else the one that runs this.
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const installed = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "node_modules", ".bin", "node")

export const NODE = fs.existsSync(installed) ? installed : process.execPath
