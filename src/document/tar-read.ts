/**
 * Reading tar archives of plain files: the ustar headers that this product writes, and what other programs add when
 * people pack a folder again (a leading folder, entries for folders, extended headers that change no name and no size).
 * Everything else is refused: an archive must not say one thing and mean another.
 */
import { DocumentProblem } from "./json-element.ts"
import { KeySet } from "./key-set.ts"

/** A file of an archive; the name is without folders. */
export interface TarEntry {
  readonly name: string
  readonly bytes: Buffer
}

const BLOCK = 512
const MAX_EXTENDED = 1024 * 1024

const problem = (message: string, reason: "schema" | "too-large" | "truncated" | "duplicate-record" = "schema") =>
  new DocumentProblem(reason, message)

const text = (block: Buffer, from: number, length: number): string => {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.toString("utf8", 0, end < 0 ? length : end)
}

const octal = (block: Buffer, from: number, length: number, what: string): number => {
  const digits = text(block, from, length).trim()
  if (!/^[0-7]{1,12}$/.test(digits)) throw problem(`the archive is damaged: ${what} of an entry is no number`)
  return Number.parseInt(digits, 8)
}

/** The sum over a header's bytes, with its own field counted as blanks. */
export const checksum = (block: Buffer): number => {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (block[i] ?? 0)
  return sum
}

const DEVICE = /^(con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(\.|$)/i

/** Why a file's name cannot be taken from an archive or given to a file; undefined where it is fine. */
export const nameProblem = (name: string): string | undefined => {
  if (name === "" || name === "." || name === "..") return "it has no name"
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f/\\:]/.test(name)) return "its name holds characters that lead elsewhere"
  return DEVICE.test(name) ? "its name is a device's" : undefined
}

const quoted = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name)

/** The name without `./` and the one folder that archives are usually packed with. */
const plainName = (path: string): string => {
  if (path.startsWith("/") || /^[a-zA-Z]:/.test(path)) throw problem(`${quoted(path)} is an absolute path`)
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) throw problem(`${quoted(path)} leads out of the archive`)
  if (parts.length > 2) throw problem(`${quoted(path)} stands in a folder within a folder`)
  for (const part of parts) {
    const wrong = nameProblem(part)
    if (wrong !== undefined) throw problem(`${quoted(path)} is refused: ${wrong}`)
  }
  return parts.at(-1) ?? ""
}

/** Feed it with {@link push}, in pieces of any size, then call {@link end}. */
export class TarReader {
  private readonly maxFile: number
  private pending: Array<Buffer> = []
  private pendingBytes = 0
  private current: { readonly name: string; readonly type: string; readonly size: number } | undefined
  private ended = false
  private folder: string | undefined
  private readonly names = new KeySet()

  /** A file longer than `maxFile` bytes is refused. */
  constructor(options: { readonly maxFile: number }) {
    this.maxFile = options.maxFile
  }

  /** The files that are complete with these bytes. Throws {@link DocumentProblem}. */
  push(bytes: Buffer): ReadonlyArray<TarEntry> {
    if (this.ended) return []
    this.pending.push(bytes)
    this.pendingBytes += bytes.length
    const entries: Array<TarEntry> = []
    for (;;) {
      if (this.current === undefined) {
        const block = this.take(BLOCK)
        if (block === undefined) return entries
        // Two empty blocks end an archive; one is enough to know.
        if (block.every((byte) => byte === 0)) {
          this.ended = true
          return entries
        }
        this.current = this.header(block)
      }
      const { name, size, type } = this.current
      const padded = Math.ceil(size / BLOCK) * BLOCK
      const content = this.take(padded)
      if (content === undefined) return entries
      this.current = undefined
      if (type === "x" || type === "g") checkExtended(content.subarray(0, size))
      else if (type === "file") entries.push({ name, bytes: content.subarray(0, size) })
    }
  }

  /** Says that there are no more bytes. Throws {@link DocumentProblem} where the archive is not complete. */
  end(): void {
    if (!this.ended) throw problem("the archive breaks off. Copy or export it again", "truncated")
  }

  private take(length: number): Buffer | undefined {
    if (this.pendingBytes < length) return undefined
    const [first] = this.pending
    const all = this.pending.length === 1 && first !== undefined ? first : Buffer.concat(this.pending)
    this.pending = all.length === length ? [] : [all.subarray(length)]
    this.pendingBytes -= length
    return all.subarray(0, length)
  }

  private header(block: Buffer) {
    if (octal(block, 148, 8, "the checksum") !== checksum(block))
      throw problem("the archive is damaged: a checksum is wrong")
    const prefix = text(block, 345, 155)
    const path =
      text(block, 257, 5) === "ustar" && prefix !== "" ? `${prefix}/${text(block, 0, 100)}` : text(block, 0, 100)
    const size = octal(block, 124, 12, "the size")
    const flag = String.fromCharCode(block[156] ?? 0)
    if (flag === "x" || flag === "g") {
      if (size > MAX_EXTENDED) throw problem("an extended header is too long", "too-large")
      return { name: "", type: flag, size }
    }
    const name = plainName(path)
    if (flag === "5") return { name, type: "folder", size: 0 }
    if (flag !== "0" && flag !== "\0") {
      const kind =
        flag === "2" ? "a symbolic link" : flag === "1" ? "a hard link" : `an entry of type ${JSON.stringify(flag)}`
      throw problem(`${quoted(path)} is ${kind}; only plain files are read`)
    }
    if (size > this.maxFile) throw problem(`${quoted(path)} is longer than ${this.maxFile} bytes`, "too-large")
    this.once(path, name)
    return { name, type: "file", size }
  }

  // A second file of a name would take the first one's place wherever the archive is unpacked.
  private once(path: string, name: string): void {
    const folder = path
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .slice(0, -1)
      .join("/")
    this.folder ??= folder
    if (folder !== this.folder) throw problem(`${quoted(path)} stands in another folder than the files before it`)
    if (!this.names.add(name)) throw problem(`${quoted(path)} stands in the archive twice`, "duplicate-record")
  }
}

// Lines of the form `LENGTH NAME=VALUE\n`.
const checkExtended = (content: Buffer): void => {
  for (const line of content.toString("utf8").split("\n")) {
    const name = /^\d+ ([^=]*)=/.exec(line)?.[1]
    if (name === "path" || name === "linkpath" || name === "size" || name?.startsWith("GNU.sparse") === true) {
      throw problem(`an extended header gives an entry another ${name}; pack the folder again without that`)
    }
  }
}
