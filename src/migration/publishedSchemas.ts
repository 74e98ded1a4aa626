/**
 * Every JSON Schema (2020-12) that the package publishes under `schemas/` (`scripts/schemas.mjs`): of the documents, and
 * of the plan files.
 */
import * as JSONSchema from "effect/JSONSchema"
import { DOCUMENT_SCHEMAS, withoutIds } from "../document/json-schema.ts"
import { PlanDocument } from "./planFile.ts"

/** What is published, by file name. */
export const PUBLISHED_SCHEMAS: { readonly [file: string]: unknown } = {
  ...DOCUMENT_SCHEMAS,
  "plan-1.schema.json": withoutIds(JSONSchema.make(PlanDocument, { target: "jsonSchema2020-12" }))
}
