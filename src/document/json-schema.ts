/** The JSON Schema of a document; apart from the rest, because making it takes a moment that only few calls need. */
import * as JSONSchema from "effect/JSONSchema"
import { JsonDocument } from "./json-format.ts"

/** The JSON Schema (2020-12) of a JSON 2.1 document. */
export const jsonSchema: JSONSchema.JsonSchema7Root = JSONSchema.make(JsonDocument, { target: "jsonSchema2020-12" })
