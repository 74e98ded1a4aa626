/**
 * How many records a document says that it holds, for whoever wants to show how far the reading has come: a look at its
 * beginning and its end. It is no more than what is claimed there; every reader counts for itself.
 */
import * as fs from "node:fs/promises"
import * as nodePath from "node:path"
import * as Effect from "effect/Effect"
import { INDEX_FILE } from "./markdown-names.ts"

const LOOK_BYTES = 16 * 1024

// The footer of JSONL and `integrity` of JSON 2.1, the front matter of a Markdown index, the head of JSON 2.0: nodes, then
// relationships.
const STATEMENTS: ReadonlyArray<readonly [RegExp, RegExp]> = [
  [/"nodes":\s*\{"count":\s*(\d{1,15}),/, /"relationships":\s*\{"count":\s*(\d{1,15}),/],
  [/^nodes: (\d{1,15})$/m, /^relationships: (\d{1,15})$/m],
  [/"memory_count":\s*(\d{1,15})\b/, /"relationship_count":\s*(\d{1,15})\b/]
]

const statedIn = (text: string): number | undefined => {
  for (const [nodes, relationships] of STATEMENTS) {
    const [counted, linked] = [nodes.exec(text)?.[1], relationships.exec(text)?.[1]]
    if (counted !== undefined && linked !== undefined) return Number(counted) + Number(linked)
  }
  return undefined
}

const beginningAndEnd = async (path: string): Promise<string> => {
  const isFolder = (await fs.stat(path)).isDirectory()
  await using handle = await fs.open(isFolder ? nodePath.join(path, INDEX_FILE) : path, "r")
  const { size } = await handle.stat()
  const piece = async (position: number): Promise<string> => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOK_BYTES), 0, LOOK_BYTES, position)
    return buffer.toString("latin1", 0, bytesRead)
  }
  // The end goes first: there the whole is counted, all labels included.
  return `${size > LOOK_BYTES ? await piece(size - LOOK_BYTES) : ""}\n${await piece(0)}`
}

/** Nodes and relationships together; undefined where it does not say so, is packed, or cannot be looked at. */
export const statedTotal = (path: string): Effect.Effect<number | undefined> =>
  Effect.promise(() => beginningAndEnd(path).then(statedIn, () => undefined))
