/** The formats of documents by name: a leaf, so that whoever only lists them loads no reader and no writer. */

/** The formats that can be written, in the order they are listed. */
export const DOCUMENT_FORMATS = ["json", "jsonl", "markdown", "mcp-memory", "cypher"] as const
/** A format that can be written. */
export type DocumentFormat = (typeof DOCUMENT_FORMATS)[number]

/** The formats that can be read, in the order they are listed. */
export const READ_FORMATS = ["json", "jsonl", "markdown", "mcp-memory"] as const
/** A format that can be read. */
export type ReadFormat = (typeof READ_FORMATS)[number]

/** What a document of this name is written as, where nothing else says it: a folder or an archive is Markdown. */
export const formatOfName = (file: string): DocumentFormat => {
  if (/\.jsonl(\.gz)?$/i.test(file)) return "jsonl"
  if (/\.(cypher|cql)(\.gz)?$/i.test(file)) return "cypher"
  return /[/\\]$|\.tar(\.gz)?$/i.test(file) ? "markdown" : "json"
}
