/**
 * Every JSON Schema (2020-12) that the package publishes under `schemas/` (`scripts/schemas.mjs`): of the documents, of
 * the plan files, and of what `--json` and `--progress json` print.
 */
import * as JSONSchema from "effect/JSONSchema"
import type * as Schema from "effect/Schema"
import { DOCUMENT_SCHEMAS, withoutIds } from "../document/json-schema.ts"
import { Inspection } from "./inspection.ts"
import { PlanDocument } from "./planFile.ts"
import { ProgressLine } from "./progressLine.ts"
import { RunReport } from "./report.ts"

const published = <A, I>(schema: Schema.Schema<A, I>): unknown =>
  withoutIds(JSONSchema.make(schema, { target: "jsonSchema2020-12" }))

/** What is published, by file name. */
export const PUBLISHED_SCHEMAS: { readonly [file: string]: unknown } = {
  ...DOCUMENT_SCHEMAS,
  "plan-1.schema.json": published(PlanDocument),
  "report-1.schema.json": published(RunReport),
  "inspection-1.schema.json": published(Inspection),
  "progress-1.schema.json": published(ProgressLine)
}
