/** Files as documents are read: in constant memory, gunzipped where the content says so, strict about UTF-8. */
import { isUtf8 } from "node:buffer"
import * as fs from "node:fs/promises"
import { pipeline, Readable } from "node:stream"
import * as zlib from "node:zlib"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { DocumentInvalid, FileFailed } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"

const CHUNK_BYTES = 256 * 1024

/** A line's length in bytes beyond which a file is refused, unless a reader is told otherwise. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

/** Unpacked bytes beyond which gzip data are refused, unless a reader is told otherwise: a small file can hold any number. */
export const MAX_UNPACKED_BYTES = 64 * 1024 ** 3

/**
 * How many bytes a file may hold, unpacked where it is gzip; undefined: {@link MAX_UNPACKED_BYTES} where it is gzip, any
 * number where it is not (its size is there to be seen).
 */
export class MaxSize extends Context.Reference<MaxSize>()("memorygraph-migrate/MaxSize", {
  defaultValue: (): number | undefined => undefined
}) {}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const readFailure = (path: string, cause: unknown): DocumentInvalid | FileFailed => {
  const invalid = (reason: DocumentInvalid["reason"], what: string) =>
    new DocumentInvalid({ path, reason, message: `${path}: ${what} Nothing was written.`, cause })
  const code = codeOf(cause)
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return invalid("not-found", "there is no such file. Check the name.")
    case "EACCES":
    case "EPERM":
      return invalid("permission", "it may not be read. Check its owner and mode.")
    case "EISDIR":
      return invalid("unknown-format", "this is a folder, not a file.")
    case "Z_BUF_ERROR":
      return invalid("truncated", "its gzip data break off. Copy or export it again.")
    case "Z_DATA_ERROR":
      return invalid("digest", `its gzip data are damaged (${textOf(cause)}). Use an undamaged copy or export again.`)
    default:
      return new FileFailed({ path, reason: "io", message: `${path} could not be read: ${textOf(cause)}.`, cause })
  }
}

async function* chunksOf(handle: fs.FileHandle): AsyncGenerator<Buffer, void> {
  for (;;) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

async function* limited(path: string, bytes: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer, void> {
  let size = 0
  for await (const piece of bytes) {
    size += piece.length
    if (size > limit) {
      const message = `${path}: it holds more than ${limit} bytes. Nothing was written. Where it is meant to, set a larger limit (--max-size).`
      throw new DocumentInvalid({ path, reason: "too-large", message })
    }
    yield piece
  }
}

async function* contentOf(path: string, maxSize: number | undefined): AsyncGenerator<Buffer, void> {
  await using handle = await fs.open(path, "r")
  const chunks = chunksOf(handle)
  let head: Buffer = Buffer.alloc(0)
  // A pipe may hand over a single byte: the magic number wants two.
  while (head.length < 2) {
    const next = await chunks.next()
    if (next.done === true) break
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
  }
  async function* all() {
    if (head.length > 0) yield head
    yield* chunks
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* limited(path, all(), maxSize ?? Number.POSITIVE_INFINITY)
    return
  }
  const gunzip = zlib.createGunzip({ chunkSize: CHUNK_BYTES })
  // The callback is only there because pipeline wants one: every error destroys `gunzip` and comes out of its iterator.
  pipeline(Readable.from(all()), gunzip, () => {})
  yield* limited(path, gunzip, maxSize ?? MAX_UNPACKED_BYTES)
}

/**
 * The bytes of a file, gunzipped where they begin with gzip's magic number, in pieces of about 256 KiB. Fails with
 * `too-large` beyond {@link MaxSize}.
 */
export const readBytes = (path: string): Stream.Stream<Buffer, DocumentInvalid | FileFailed> =>
  Stream.unwrap(
    Effect.map(MaxSize, (maxSize) =>
      Stream.fromAsyncIterable(contentOf(path, maxSize), (cause) =>
        cause instanceof DocumentInvalid ? cause : readFailure(path, cause)
      )
    )
  )

/** A line without its line end; `number` counts from 1. */
export interface Line {
  readonly number: number
  readonly text: string
  /** True for a last line that has no line end: the file may break off in it. */
  readonly isOpen?: true
}

const BOM = "\ufeff"
const LF = 0x0a

class LineSplitter {
  private readonly path: string
  private readonly maxLine: number
  private number = 0
  private pending: Array<Buffer> = []
  private pendingBytes = 0

  constructor(path: string, maxLine: number) {
    this.path = path
    this.maxLine = maxLine
  }

  /** The lines that end in these bytes; what follows the last line end waits for the next call. */
  push(bytes: Buffer): Chunk.Chunk<Line> {
    const end = bytes.lastIndexOf(LF)
    const tail = bytes.subarray(end + 1)
    let lines: Array<Line> = []
    if (end >= 0) lines = this.decode(this.take(bytes.subarray(0, end)))
    if (tail.length > 0) this.pending.push(tail)
    this.pendingBytes += tail.length
    if (this.pendingBytes > this.maxLine) throw this.tooLarge(this.number + 1)
    return Chunk.unsafeFromArray(lines)
  }

  /** The last line where the file does not end with a line end. */
  end(): Chunk.Chunk<Line> {
    if (this.pendingBytes === 0) return Chunk.empty()
    const [line] = this.decode(this.take(Buffer.alloc(0)))
    return line === undefined ? Chunk.empty() : Chunk.of({ ...line, isOpen: true })
  }

  private take(bytes: Buffer): Buffer {
    if (this.pendingBytes === 0) return bytes
    const joined = Buffer.concat([...this.pending, bytes])
    this.pending = []
    this.pendingBytes = 0
    return joined
  }

  private decode(bytes: Buffer): Array<Line> {
    if (!isUtf8(bytes)) throw this.notUtf8(bytes)
    const lines: Array<Line> = []
    for (const part of bytes.toString("utf8").split("\n")) {
      let text = part.endsWith("\r") ? part.slice(0, -1) : part
      if (this.number === 0 && text.startsWith(BOM)) text = text.slice(1)
      const number = ++this.number
      if (text.length * 3 > this.maxLine && Buffer.byteLength(text) > this.maxLine) throw this.tooLarge(number)
      lines.push({ number, text })
    }
    return lines
  }

  private tooLarge(line: number): DocumentInvalid {
    const message = `${this.path}, line ${line}: it is longer than ${this.maxLine} bytes. Nothing was written.`
    return new DocumentInvalid({ path: this.path, reason: "too-large", line, message })
  }

  private notUtf8(bytes: Buffer): DocumentInvalid {
    let line = this.number + 1
    for (let from = 0; ; line++) {
      const end = bytes.indexOf(LF, from)
      if (end < 0 || !isUtf8(bytes.subarray(from, end))) break
      from = end + 1
    }
    const message = `${this.path}, line ${line}: it is not UTF-8 text. Use an undamaged copy or export again. Nothing was written.`
    return new DocumentInvalid({ path: this.path, reason: "not-utf8", line, message })
  }
}

/**
 * The lines of a text file, in chunks, in constant memory. A byte order mark is dropped, CRLF counts as a line end,
 * the last line need not have one; U+2028 and its like end no line. Fails with `not-utf8`, with `too-large` where a line
 * is longer than `maxLine` bytes (default {@link MAX_LINE_BYTES}), and with `truncated` where gzip data break off.
 */
export const readLines = (
  path: string,
  options?: { readonly maxLine?: number }
): Stream.Stream<Line, DocumentInvalid | FileFailed> =>
  Stream.suspend(() => {
    const splitter = new LineSplitter(path, options?.maxLine ?? MAX_LINE_BYTES)
    const split = (run: () => Chunk.Chunk<Line>) =>
      Effect.try({ try: run, catch: (cause) => (cause instanceof DocumentInvalid ? cause : readFailure(path, cause)) })
    return readBytes(path).pipe(
      Stream.mapConcatChunkEffect((bytes) => split(() => splitter.push(bytes))),
      Stream.concat(
        Stream.unwrap(
          Effect.map(
            split(() => splitter.end()),
            Stream.fromChunk
          )
        )
      )
    )
  })
