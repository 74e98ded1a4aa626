/** What a tool is: its description to clients, its schemas, and how a call of it is answered. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as JSONSchema from "effect/JSONSchema"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { MigrationError } from "../domain/Errors.ts"
import type { Access } from "./access.ts"
import type { Call } from "./call.ts"
import type { Answer } from "./results.ts"
import { Failure } from "./schemas.ts"
import { shownName } from "./shownName.ts"
import type { Stores } from "./stores.ts"

/** What every call can use: the server's parts, and what the client brings to this one. */
export interface ToolContext extends Call {
  readonly stores: Stores
  readonly access: Access
  readonly stateFolder: string
}

/** What a client may think of a tool before it calls it. */
export interface Annotations {
  readonly readOnlyHint: boolean
  readonly destructiveHint: boolean
  readonly idempotentHint: boolean
  /** False: no tool reaches anything but the stores and files that it is allowed. */
  readonly openWorldHint: boolean
}

/** A JSON Schema of an object. */
export interface ObjectSchema {
  readonly type: "object"
  readonly [key: string]: unknown
}

/** A tool, ready to be listed and called. */
export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly annotations: Annotations
  /** Made when they are asked for. */
  readonly inputSchema: () => ObjectSchema
  readonly outputSchema: () => ObjectSchema
  /** Left is what is wrong with the arguments, and never repeats them: they may hold a secret. */
  readonly call: (given: unknown, context: ToolContext) => Either.Either<Effect.Effect<Answer, MigrationError>, string>
}

// Effect gives every schema that takes anything the same `$id`, and an id that stands twice is an error.
const withoutIds = (schema: unknown): unknown => {
  if (typeof schema !== "object" || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(withoutIds)
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name, value]) => (name !== "$id" && name !== "$schema") || typeof value !== "string")
      .map(([name, value]) => [name, withoutIds(value)])
  )
}

const objectSchema = <A, I>(schema: Schema.Schema<A, I>): ObjectSchema => {
  const made = withoutIds(JSONSchema.make(schema, { target: "jsonSchema2020-12" }))
  return { ...(typeof made === "object" ? made : {}), type: "object" }
}

// `Expected string, actual "secret"`: the actual value stays here.
const withoutValue = (message: string): string => message.split(/, actual |\nactual /, 1)[0] ?? ""

/** How many problems are told at once. */
const TOLD = 10

const problems = (error: ParseResult.ParseError): string => {
  const found = ParseResult.ArrayFormatter.formatErrorSync(error)
  const told = found.slice(0, TOLD).map(
    // The name of an argument that is not known is anything, too.
    ({ message, path }) => `${path.length === 0 ? "arguments" : shownName(path.join("."))}: ${withoutValue(message)}`
  )
  return [...told, ...(found.length > TOLD ? [`and ${found.length - TOLD} more`] : [])].join("; ")
}

/** Defines a tool. Every tool may fail, so its output is its result or a {@link Failure}. */
export const define = <A, I, R, J>(tool: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly annotations: Annotations
  readonly input: Schema.Schema<A, I>
  readonly output: Schema.Schema<R, J>
  readonly run: (given: A, context: ToolContext) => Effect.Effect<Answer, MigrationError>
}): Tool => {
  const { annotations, description, input, name, output, run, title } = tool
  const decode = Schema.decodeUnknownEither(input, { onExcessProperty: "error", errors: "all" })
  return {
    name,
    title,
    description,
    annotations,
    inputSchema: () => objectSchema(input),
    outputSchema: () => objectSchema(Schema.Union(output, Failure)),
    call: (given, context) =>
      decode(given ?? {}).pipe(
        Either.mapLeft(problems),
        Either.map((decoded) => Effect.suspend(() => run(decoded, context)))
      )
  }
}
