// Writes docs/api-report.md, the public declarations as they are published: `node scripts/api-report.mjs`; with `--check`
// it writes nothing and fails where the report is out of date. Both fail where a public name has no docstring, nor a member
// of what a host writes, or where one is made of a type of ours that nobody can name because it is not exported.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { SyntaxKind } from "typescript/unstable/ast"
import { API, SymbolFlags } from "typescript/unstable/sync"
import { NODE } from "./node.mjs"

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const REPORT = path.join(ROOT, "docs", "api-report.md")
const WORK = path.join(ROOT, "node_modules", `.api-report-${process.pid}`)
const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"))

/** The entry points, as `package.json` names them, and the declarations of each. */
const ENTRIES = Object.entries(manifest.exports).flatMap(([name, target]) =>
  target.types === undefined
    ? []
    : [[name.replace(/^\./, manifest.name), path.join(WORK, target.types.replace(/^\.\/dist\//, ""))]]
)

const HEADER = `# API report

The public declarations of the package, as they are published. \`npm run check\` holds this page to the source; write it anew with \`node scripts/api-report.mjs\`.
A change here is a change of the public interface: it belongs into [CHANGELOG.md](../CHANGELOG.md). How it is used: [library.md](library.md).
`

const emitDeclarations = () => {
  const tsc = path.join(ROOT, "node_modules", "typescript", "bin", "tsc")
  const flags = ["--emitDeclarationOnly", "--noCheck", "--outDir", path.join(WORK, "lib")]
  const { status } = spawnSync(NODE, [tsc, "-p", "tsconfig.build.json", ...flags], { cwd: ROOT, stdio: "inherit" })
  if (status !== 0) throw new Error("tsc could not write the declarations")
  fs.writeFileSync(
    path.join(WORK, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: { module: "nodenext", target: "es2023", skipLibCheck: true, noEmit: true, types: ["node"] },
      files: ENTRIES.map(([, file]) => file)
    })
  )
}

/** What a host writes: each member of it says what it means, its unit, and what holds where it is left out. */
const WRITTEN_BY_HOSTS = /(Options|Config|Harness|Place|DocumentSource)$/

const problems = []

/** What is declared, without comments: the report is about the shape. */
const textOf = (node) => {
  const statement = node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node
  const text = statement.getText().replace(/^[ \t]*\/\*\*[\s\S]*?\*\/[ \t]*\n/gm, "")
  return text.replace(/^export (declare )?/, "").replace(/^declare /, "")
}

const firstSentence = (doc) =>
  doc
    .split(/\n\s*\n/)[0]
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\{@link (\S+?)\}/g, "`$1`")
    .trim()

class Reporter {
  constructor(project) {
    this.project = project
    this.checker = project.checker
    this.exported = new Map()
    this.used = new Map()
  }

  target(symbol) {
    return symbol.flags & SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol
  }

  moduleOf(file) {
    const source = this.project.program.getSourceFile(file)
    return { module: this.checker.getSymbolAtLocation(source), source }
  }

  isOurs(file) {
    return file.startsWith(path.join(WORK, "lib"))
  }

  /** Types of ours that a declaration is made of. */
  note(name, node) {
    const names = []
    const visit = (one) => {
      const referred =
        one.kind === SyntaxKind.TypeReference
          ? one.typeName
          : one.kind === SyntaxKind.ExpressionWithTypeArguments
            ? one.expression
            : undefined
      if (referred !== undefined) names.push(referred.kind === SyntaxKind.QualifiedName ? referred.right : referred)
      one.forEachChild(visit)
    }
    visit(node)
    if (names.length === 0) return
    for (const found of this.checker.getSymbolAtLocation(names)) {
      if (found === undefined) continue
      const symbol = this.target(found)
      const declared = symbol.declarations[0]
      // tsc gives the class that another one extends a name of its own.
      const isNamed = declared?.kind !== SyntaxKind.TypeParameter && !symbol.name.endsWith("_base")
      if (declared !== undefined && isNamed && this.isOurs(declared.path))
        this.used.set(symbol.id, { symbol, by: this.used.get(symbol.id)?.by ?? name })
    }
  }

  declarations(prefix, module) {
    const parts = []
    for (const symbol of this.checker.getExportsOfModule(module)) {
      const target = this.target(symbol)
      const name = `${prefix}${symbol.name}`
      const other = this.exported.get(target.id)
      if (other !== undefined) {
        parts.push({ name, text: `// ${name} is ${other}.` })
        continue
      }
      this.exported.set(target.id, name)
      if (target.flags & SymbolFlags.ValueModule) {
        parts.push(...this.namespace(name, target))
        continue
      }
      const doc = this.checker.getDocumentationCommentOfSymbol(target)
      if (doc.trim() === "") problems.push(`${name} has no docstring`)
      const nodes = target.declarations.map((handle) => handle.resolve(this.project))
      for (const node of nodes) {
        this.note(name, node)
        this.members(name, node)
      }
      const bases = nodes.flatMap((node) => this.base(node))
      parts.push({ name, text: `// ${firstSentence(doc)}\n${[...nodes, ...bases].map(textOf).join("\n")}` })
    }
    return parts
  }

  /** The members of what a host writes; the tag of a union, `kind: "sqlite"`, needs no words. */
  members(name, node) {
    if (node.kind !== SyntaxKind.InterfaceDeclaration || !WRITTEN_BY_HOSTS.test(node.name.text)) return
    for (const member of node.members) {
      if (member.name === undefined || member.type?.kind === SyntaxKind.LiteralType) continue
      const symbol = this.checker.getSymbolAtLocation(member.name)
      if (this.checker.getDocumentationCommentOfSymbol(symbol).trim() === "")
        problems.push(`${name}.${member.name.getText()} has no docstring`)
    }
  }

  /** What tsc has made of `extends Schema.TaggedError(...)(...)`: the fields of an error stand there. */
  base(node) {
    const extended = node.heritageClauses?.[0]?.types[0]?.expression
    if (extended?.kind !== SyntaxKind.Identifier || !extended.text.endsWith("_base")) return []
    return this.checker.getSymbolAtLocation(extended)?.declarations.map((handle) => handle.resolve(this.project)) ?? []
  }

  namespace(name, module) {
    // tsc drops the head of a file with the imports that it drops: the source has it.
    const file = path.relative(path.join(WORK, "lib"), module.declarations[0].path).replace(/\.d\.ts$/, ".ts")
    const source = fs.readFileSync(path.join(ROOT, "src", file), "utf8")
    const doc = /^\s*\/\*\*([\s\S]*?)\*\//.exec(source)?.[1]?.replaceAll(/^\s*\* ?/gm, "") ?? ""
    if (doc.trim() === "") problems.push(`${name} has no docstring at the head of its file`)
    const inside = this.declarations(`${name}.`, module)
    return [{ name, text: `// ${firstSentence(doc)}\nnamespace ${name}` }, ...inside]
  }
}

const report = () => {
  const api = new API({ cwd: WORK })
  try {
    const project = api.updateSnapshot({ openProjects: [path.join(WORK, "tsconfig.json")] }).getProjects()[0]
    const reporter = new Reporter(project)
    const sections = ENTRIES.map(([name, file]) => {
      const { module, source } = reporter.moduleOf(file)
      if (module === undefined) throw new Error(`${file} is no module: ${source}`)
      const parts = reporter.declarations("", module).map(({ text }) => text)
      return `## ${name}\n\n\`\`\`ts\n${parts.join("\n\n")}\n\`\`\`\n`
    })
    for (const [id, { by, symbol }] of reporter.used)
      if (!reporter.exported.has(id)) problems.push(`${symbol.name}, of which ${by} is made, is not exported`)
    return [HEADER, ...sections].join("\n")
  } finally {
    api.close()
  }
}

try {
  fs.mkdirSync(WORK, { recursive: true })
  emitDeclarations()
  const text = report()
  const current = fs.existsSync(REPORT) ? fs.readFileSync(REPORT, "utf8") : ""
  if (current !== text) {
    if (process.argv.includes("--check"))
      problems.push("docs/api-report.md is out of date; run: node scripts/api-report.mjs")
    else fs.writeFileSync(REPORT, text)
  }
  for (const problem of problems.sort()) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  fs.rmSync(WORK, { recursive: true, force: true })
}
