/**
 * The process's streams as commands use them: results go to standard output, everything else to standard error. One
 * live line may stand at the end of standard error; whatever is printed goes above it.
 */
import { styleText } from "node:util"
import { wrapLine } from "./wrap.ts"

type Style = Parameters<typeof styleText>[0]

let live = ""
// A reader that has gone (`| head`) must not end a migration in the middle.
const gone = new Set<NodeJS.WriteStream>()

const write = (stream: NodeJS.WriteStream, text: string): void => {
  if (!gone.has(stream)) stream.write(text)
}

/**
 * Keeps a stream that cannot be written any more (a closed pipe, a terminal that is gone) from ending the process:
 * nothing more is printed there. What must arrive, a document, is written by others, who hear of the error themselves.
 */
export const guardStreams = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => gone.add(stream))
}

const eraseLive = (): void => {
  if (live !== "") write(process.stderr, "\r\x1b[K")
}

/** Prints a result line on standard output. */
export const out = (line: string): void => {
  eraseLive()
  write(process.stdout, `${line}\n`)
  if (live !== "") write(process.stderr, live)
}

/** Prints a line for people on standard output, made to fit the terminal there. */
export const print = (line: string): void => {
  const width = process.stdout.isTTY ? (process.stdout.columns ?? 0) : 0
  for (const part of wrapLine(line, width)) out(part)
}

/** Prints a line for people on standard error, made to fit the terminal there. */
export const err = (line: string): void =>
  errRaw(
    line
      .split("\n")
      .flatMap((part) => wrapLine(part, columns()))
      .join("\n")
  )

/** Prints a line on standard error as it is. */
export const errRaw = (line: string): void => {
  eraseLive()
  write(process.stderr, `${line}\n${live}`)
}

/** Shows the live line, in place of the one before; an empty one takes it away. */
export const setLive = (line: string): void => {
  if (line === "" && live === "") return
  write(process.stderr, `\r${line}\x1b[K`)
  live = line
}

/** Asks on standard error; the answer is typed behind it. */
export const ask = (question: string): void => {
  setLive("")
  write(process.stderr, question)
}

/** Columns of the terminal behind standard error; 0 where there is none, or none of known size. */
export const columns = (): number => (process.stderr.isTTY ? (process.stderr.columns ?? 0) : 0)

/** True where a person can be asked and can answer. */
export const isInteractive = (): boolean => process.stdin.isTTY && process.stderr.isTTY

/** Styles text for a stream; plain off a terminal and under NO_COLOR. */
export const style = (format: Style, text: string, stream: NodeJS.WriteStream = process.stderr): string =>
  styleText(format, text, { stream })

/** Resolves when everything printed has left the process. */
export const flush = async (): Promise<void> => {
  for (const stream of [process.stdout, process.stderr]) {
    if (gone.has(stream) || stream.writableLength === 0) continue
    await new Promise<void>((resolve) => {
      stream.once("error", () => resolve())
      stream.write("", () => resolve())
    })
  }
}

/** What is said of an error that nobody foresaw; its trace is for --verbose. */
export const DEFECT = "This is a defect of this program: please report it, with what --verbose prints."
