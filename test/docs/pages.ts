/**
 * The pages of the documentation, taken apart: fenced blocks, commands, headings, links. docs/README.md tells writers the
 * convention that is read here.
 */
import * as fs from "node:fs"
import * as path from "node:path"

/** The repository's root. */
export const ROOT = path.resolve(import.meta.dirname, "../..")

/** A fenced block. */
export interface Block {
  readonly page: string
  /** As of its page. */
  readonly isBeside: boolean
  /** The line of its first line of text, counted from 1. */
  readonly line: number
  readonly language: string
  /** Why it is not run: `skip="..."` behind the language. */
  readonly skip: string | undefined
  /** True where it begins with files of its own: `fresh` behind the language. */
  readonly fresh: boolean
  /** What the comment right before it, `<!-- setup: ... -->`, has run first. */
  readonly setup: string | undefined
  /** Words behind the language that mean nothing. */
  readonly unknown: string
  readonly text: string
}

/** A page. `prose` is its text with fenced blocks and comments blanked out, line for line. */
export interface Page {
  readonly name: string
  readonly text: string
  readonly prose: string
  /** True where `memorygraph` is the Python MemoryGraph, and our program has its longer name. */
  readonly isBeside: boolean
  readonly blocks: ReadonlyArray<Block>
}

const markdownFiles = (folder: string): ReadonlyArray<string> =>
  fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")))
    .sort()

const FENCE = /^(`{3,}|~{3,})(.*)$/
const SETUP = /^<!-- setup:\s*([\s\S]*?)\s*-->\s*$/

/** What the comment that ends a text says is to be set up. */
const setupAtEnd = (text: string): string | undefined =>
  SETUP.exec(text.slice(Math.max(0, text.lastIndexOf("<!--"))))?.[1]

const BESIDE = "<!-- here memorygraph is the Python MemoryGraph -->"

const blank = (text: string): string => text.replaceAll(/[^\n]/g, " ")

/** Takes a page apart. */
export const parsePage = (name: string, text: string): Page => {
  const lines = text.split("\n")
  const isBeside = text.includes(BESIDE)
  const blocks: Array<Block> = []
  const prose: Array<string> = []
  for (let at = 0; at < lines.length; at++) {
    const [, fence, info = ""] = FENCE.exec(lines[at] ?? "") ?? []
    prose.push(fence === undefined ? (lines[at] ?? "") : "")
    if (fence === undefined) continue
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence)
    const body = lines.slice(at + 1, end < 0 ? undefined : end)
    const [language = "", ...rest] = info.trim().split(/\s+/)
    const words = rest.join(" ")
    blocks.push({
      page: name,
      isBeside,
      line: at + 2,
      language,
      skip: /\bskip="([^"]*)"/.exec(words)?.[1],
      fresh: /(^| )fresh( |$)/.test(words.replace(/\bskip="[^"]*"/, "")),
      setup: setupAtEnd(lines.slice(0, at).join("\n")),
      unknown: words
        .replace(/\bskip="[^"]*"/, "")
        .replace(/(^| )fresh( |$)/, "")
        .trim(),
      text: body.join("\n")
    })
    prose.push(...body.map(() => ""), "")
    at += body.length + 1
  }
  return { name, text, isBeside, prose: prose.join("\n").replaceAll(/<!--[\s\S]*?-->/g, blank), blocks }
}

/** Every page, README.md first. */
export const PAGES: ReadonlyArray<Page> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdownFiles("docs")]
  .filter((name) => fs.existsSync(path.join(ROOT, name)))
  .map((name) => parsePage(name, fs.readFileSync(path.join(ROOT, name), "utf8")))

/** A line of a shell block that can be run by itself, with the exit code that its comment promises: `# exit 8`. */
export interface ShellLine {
  readonly line: number
  readonly text: string
  readonly exit: number
}

const isOpen = (text: string): boolean => {
  if (text.endsWith("\\")) return true
  const marker = /<<-?\s*'?"?(\w+)/.exec(text)?.[1]
  if (marker !== undefined) return !text.split("\n").slice(1).includes(marker)
  const bare = text.replaceAll(/\\./g, "").replaceAll(/"[^"]*"/g, "")
  return (bare.match(/'/g)?.length ?? 0) % 2 === 1 && !/#.*'/.test(bare)
}

/** The lines of a shell block; what a backslash, an open quote or a here-document continues is one. */
export const shellLines = (block: Block): ReadonlyArray<ShellLine> => {
  const found: Array<ShellLine> = []
  let text = ""
  block.text.split("\n").forEach((line, index) => {
    text = text === "" ? line : `${text}\n${line}`
    if (isOpen(text)) return
    const trimmed = text.trim()
    const begun = block.line + index - (text.split("\n").length - 1)
    if (trimmed !== "" && !trimmed.startsWith("#"))
      found.push({ line: begun, text, exit: Number(/\s#.*\bexit (\d+)/.exec(text)?.[1] ?? 0) })
    text = ""
  })
  if (text.trim() !== "") found.push({ line: block.line, text, exit: 0 })
  return found
}

/** The words of a shell line, comments left out; operators stand for themselves. */
export const shellWords = (text: string): ReadonlyArray<string> => {
  const body = text.replaceAll(/\\\n\s*/g, " ")
  const words: Array<string> = []
  const token = /\s+|#[^\n]*|(?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'|&;<>()\\])+|[|&;<>()]+/g
  for (const [word] of body.matchAll(token)) {
    if (word.trim() === "" || word.startsWith("#")) continue
    words.push(word.replaceAll(/"((?:\\.|[^"])*)"|'([^']*)'/g, (_, a?: string, b?: string) => a ?? b ?? ""))
  }
  return words
}

/** The calls of our program in a shell line: the words behind its name. */
export const callsIn = (text: string, isBeside = false): ReadonlyArray<ReadonlyArray<string>> => {
  const names = isBeside ? ["memorygraph-migrate"] : ["memorygraph", "memorygraph-migrate"]
  const calls: Array<Array<string>> = []
  let call: Array<string> | undefined
  let isFirst = true
  for (const word of shellWords(text)) {
    if (/[|&;()]/.test(word) && /^[|&;<>()]+$/.test(word)) {
      call = undefined
      isFirst = true
    } else if (/^[<>]+$/.test(word)) call = undefined
    else if (isFirst && (/^\w+=/.test(word) || word === "npx" || word === "!" || word === "time")) continue
    else if (isFirst && names.includes(word)) {
      call = []
      calls.push(call)
      isFirst = false
    } else {
      call?.push(word)
      isFirst = false
    }
  }
  return calls
}

/** The anchors of a page's headings, as GitHub makes them. */
export const anchorsOf = (page: Page): ReadonlySet<string> => {
  const seen = new Map<string, number>()
  const anchors = [...page.prose.matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map(([, heading = ""]) => {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-")
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
  return new Set(anchors)
}

/** The targets of a page's links and images, and of what HTML names by `src` and `href`. */
export const linksOf = (page: Page): ReadonlyArray<{ readonly target: string; readonly line: number }> => {
  const prose = page.prose.replaceAll(/`[^`\n]*`/g, (code) => " ".repeat(code.length))
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)|\b(?:src|srcset|href)="([^"]+)"/g)].map((match) => ({
    target: match[1] ?? match[2] ?? "",
    line: prose.slice(0, match.index).split("\n").length
  }))
}
