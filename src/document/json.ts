/**
 * The JSON document, format 2.1: the established 2.0, which its readers still read, and all that 2.0 could not hold. See
 * docs/format.md. One JSON text, laid out one record a line. Its JSON Schema is in json-schema.ts.
 */
export { FORMAT_VERSION, JsonDocument } from "./json-format.ts"
export type { LegacySkips } from "./json-legacy.ts"
export { readJson } from "./json-read.ts"
export { type JsonContent, type JsonSummary, writeJson } from "./json-write.ts"
