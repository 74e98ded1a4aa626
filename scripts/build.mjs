// Builds dist/: the library (tsc: lib/*.js and lib/*.d.ts) and the command (esbuild: bin.js, a small guard that any Node
// can read, and cli/, the rest in chunks that load when they are needed). Runs under Node 20 too.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const DIST = path.join(ROOT, "dist")
const NEXT = path.join(ROOT, "node_modules", `.build-${process.pid}`)
const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"))

/** The library, one file a module. Types are checked by `npm run check`, so that a build takes a second. */
const buildLibrary = () => {
  const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc")
  const ran = spawnSync(
    process.execPath,
    [tsc, "-p", "tsconfig.build.json", "--noCheck", "--outDir", path.join(NEXT, "lib")],
    { cwd: ROOT, stdio: "inherit" }
  )
  if (ran.status !== 0) throw new Error(`tsc ended with ${ran.status ?? ran.signal}`)
}

/** What npm installs with us stays outside; Effect and the rest go in, which starts four times as fast. */
const common = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  format: "esm",
  external: Object.keys(manifest.dependencies),
  logLevel: "warning"
}

const buildCommand = async () => {
  await build({
    ...common,
    entryPoints: [{ in: "src/cli/main.ts", out: "main" }],
    outdir: path.join(NEXT, "cli"),
    splitting: true,
    chunkNames: "[name]-[hash]",
    target: "node22.16",
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);'
    }
  })
  await build({
    ...common,
    entryPoints: ["src/bin.ts"],
    outfile: path.join(NEXT, "bin.js"),
    target: "node16",
    plugins: [
      {
        name: "the command is built beside the guard, not into it",
        setup: (plugin) => {
          plugin.onResolve({ filter: /^\.\/cli\/main\.ts$/ }, () => ({ path: "./cli/main.js", external: true }))
        }
      }
    ]
  })
  fs.chmodSync(path.join(NEXT, "bin.js"), 0o755)
}

const link = (name, target) => {
  const file = path.join(ROOT, "node_modules", ".bin", name)
  if (process.platform === "win32" || !fs.existsSync(path.dirname(file))) return
  fs.rmSync(file, { force: true })
  fs.symlinkSync(path.relative(path.dirname(file), path.join(ROOT, target)), file)
}

/** npm links no package's own commands into its node_modules: so `npx memorygraph` finds it in a clone. */
const linkCommands = () => {
  for (const [name, file] of Object.entries(manifest.bin)) link(name, file)
}

/** What brings a Node into the clone; a package of its own, so that nobody who installs ours gets it. */
const bringsNode = JSON.parse(fs.readFileSync(path.join(ROOT, "tools", "node", "package.json"), "utf8"))

/**
 * npm 10 takes the link `node` away again when it discards the packages of the other platforms, which have a `node`
 * too (npm 11 does not).
 */
const linkNode = () => {
  const node = Object.keys(bringsNode.optionalDependencies)
    .map((name) => path.join("node_modules", name, "bin", "node"))
    .find((file) => fs.existsSync(path.join(ROOT, file)))
  if (node !== undefined && !fs.existsSync(path.join(ROOT, "node_modules", ".bin", "node"))) link("node", node)
}

try {
  buildLibrary()
  await buildCommand()
  fs.rmSync(DIST, { recursive: true, force: true })
  fs.renameSync(NEXT, DIST)
  linkCommands()
  linkNode()
  console.log(`Built ${path.relative(ROOT, DIST)}/: ${fs.readdirSync(DIST).join(", ")}`)
} finally {
  fs.rmSync(NEXT, { recursive: true, force: true })
}
