/**
 * The package as a consumer has it: packed once a test run, and installed from the tarball into an empty project. Test
 * files that run side by side share it: the first one packs, the others wait.
 */
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { type Ended, type RunOptions, runScript } from "../cli/runBin.ts"
import { testRoot } from "../support/migrating.ts"

const CLONE = new URL("../..", import.meta.url).pathname

/** Milliseconds that npm may take for one thing. */
const PATIENCE = 150_000
const POLL = 100

/** A project that has installed the package, and nothing else. */
export interface Consumer {
  /** The project's folder: its package.json says `"type": "module"`. */
  readonly folder: string
  /** The tarball that it was installed from. */
  readonly tarball: string
  /** The installed command, for `node BIN ...`. */
  readonly bin: string
  /** Runs the installed command with the Node of the tests. */
  readonly run: (args: ReadonlyArray<string>, options?: RunOptions) => Promise<Ended>
}

const exec = promisify(execFile)

// What `npm test` tells its children about the clone would make npm work there. How a registry is reached stays.
const npmEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_(local_prefix|prefix|ignore_scripts)|INIT_CWD)/i.test(
          name
        )
    )
  )

/** Runs npm in a folder and gives what it prints on standard output. */
export const npm = async (folder: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const options = { cwd: folder, env: npmEnv(), timeout: PATIENCE, maxBuffer: 64 * 1024 * 1024 }
  try {
    return (await exec("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund"], options)).stdout
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr) : String(cause)
    throw new Error(`npm ${args.join(" ")} failed: ${said.slice(-2000)}`, { cause })
  }
}

/** Installs packages into a folder, from npm's cache where they are there. */
export const npmInstall = (folder: string, ...packages: ReadonlyArray<string>): Promise<string> =>
  npm(folder, "install", "--prefer-offline", ...packages)

/** An empty project: a package.json, and no more. */
export const emptyProject = (folder: string): string => {
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(
    path.join(folder, "package.json"),
    `${JSON.stringify({ name: "consumer", version: "1.0.0", private: true, type: "module" }, null, 2)}\n`
  )
  return folder
}

const packInto = async (root: string): Promise<void> => {
  const said: unknown = JSON.parse(await npm(CLONE, "pack", "--json", "--pack-destination", root))
  const first: unknown = Array.isArray(said) ? said[0] : Object.values(said ?? {})[0]
  const name = typeof first === "object" && first !== null && "filename" in first ? String(first.filename) : ""
  fs.renameSync(path.join(root, name), tarballIn(root))
  await npmInstall(emptyProject(path.join(root, "consumer")), tarballIn(root))
}

const tarballIn = (root: string): string => path.join(root, "package.tgz")

/**
 * Does a thing once in a test run, however many of its processes ask; `make` fills the folder that is handed out. A
 * failure is everybody's.
 */
export const onceInRun = async (name: string, make: (folder: string) => Promise<void>): Promise<string> => {
  const folder = path.join(testRoot(), name)
  const [done, failed] = [path.join(folder, ".done"), path.join(folder, ".failed")]
  try {
    fs.mkdirSync(folder)
  } catch {
    const until = Date.now() + 2 * PATIENCE
    while (!fs.existsSync(done)) {
      if (fs.existsSync(failed)) throw new Error(fs.readFileSync(failed, "utf8"))
      if (Date.now() > until) throw new Error(`Another test file did not get ${name} ready.`)
      await sleep(POLL)
    }
    return folder
  }
  try {
    await make(folder)
    fs.writeFileSync(done, "")
    return folder
  } catch (cause) {
    fs.writeFileSync(failed, String(cause))
    throw cause
  }
}

/** The project that has installed the package. */
export const packed = async (): Promise<Consumer> => {
  const root = await onceInRun("packed", packInto)
  const folder = path.join(root, "consumer")
  const bin = path.join(folder, "node_modules", "memorygraph-migrate", "dist", "bin.js")
  return { folder, tarball: tarballIn(root), bin, run: (args, options) => runScript(bin, args, options) }
}
