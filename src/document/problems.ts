/** From what is wrong with a document to the error that a caller sees. */
import { DocumentInvalid } from "../domain/Errors.ts"
import { JsonSyntaxError } from "../domain/Json.ts"
import { DocumentProblem } from "./json-element.ts"
import { RecordProblem } from "./json-record.ts"
import { ScanProblem } from "./json-scan.ts"

const shown = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}...` : text)

/**
 * The error for what a reader threw; `file` is the file of a folder or archive that it was found in. Throws on what is
 * no problem of the document.
 */
export const documentInvalid = (path: string, cause: unknown, file?: string): DocumentInvalid => {
  if (cause instanceof DocumentInvalid) return cause
  const problem = problemOf(cause)
  if (problem === undefined) throw cause
  const { key, line, message, reason } = problem
  const place = file === undefined ? path : `${path}: ${shown(file)}`
  const at = `${line === undefined ? "" : `, line ${line}`}${key === undefined ? "" : ` (${shown(key)})`}`
  return new DocumentInvalid({
    path,
    reason,
    ...(line !== undefined && { line }),
    ...(key !== undefined && { key }),
    message: `${place}${at}: ${message}. Nothing was written.`
  })
}

/** The problem that a thrown value stands for; undefined where it is a defect. */
export const problemOf = (cause: unknown): DocumentProblem | undefined => {
  if (cause instanceof DocumentProblem) return cause
  if (cause instanceof ScanProblem) return new DocumentProblem(cause.reason, cause.message, cause.line)
  if (cause instanceof RecordProblem) return new DocumentProblem("schema", cause.message, undefined, cause.key)
  if (!(cause instanceof JsonSyntaxError)) return undefined
  return cause.duplicateKey === undefined
    ? new DocumentProblem("syntax", `it is not JSON: ${cause.message}`)
    : new DocumentProblem("duplicate-key", cause.message)
}
