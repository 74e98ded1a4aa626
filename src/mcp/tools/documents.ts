/** `export_memories` and `import_memories`: a store's graph into a document, and back. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { connect } from "../../backend/registry.ts"
import type { WriteOptions } from "../../migration/migrate.ts"
import type { Recorder } from "../../migration/Run.ts"
import { formatOfName } from "../../document/formats.ts"
import { twoSteps } from "../call.ts"
import { checkPlan, hashOf } from "../planHash.ts"
import { planText, workAnswer } from "../results.ts"
import { ExportArguments, ImportArguments, Work } from "../schemas.ts"
import { exportTerms } from "../terms.ts"
import { define, type ToolContext } from "../tool.ts"
import { planned, planning, writeOptions } from "./migrate.ts"

// What is there now: another file under that name is another thing to agree to.
const existing = (file: string): unknown => {
  const found = fs.statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return null
  // Of a folder, every page: somebody may have written into one.
  const within = found.isDirectory() ? fs.readdirSync(file).sort() : []
  return {
    size: found.size,
    changed: found.mtimeMs,
    file: String(found.ino),
    within: within.map((name) => [name, existing(path.join(file, name))])
  }
}

const outputOf = (output: string, { overwrite }: { readonly overwrite: boolean }) =>
  ({ path: output, existing: overwrite ? "replace" : "refuse" }) as const

/** An export as it would be now: its parts, and the hash over all that a person agrees to. */
const prepareExport = (given: ExportArguments, context: ToolContext, recorder: Recorder) =>
  Effect.gen(function* () {
    const output = yield* context.access.file(given.output)
    const config = yield* context.stores.resolve("source", {
      name: given.source,
      backend: given.source_backend,
      config: given.source_config
    })
    const source = yield* connect(config)
    const format = given.format ?? formatOfName(given.output)
    const isThere = fs.existsSync(output)
    const { examineSource } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
    const { stats, statistics } = yield* examineSource(source)
    recorder.source = stats
    const options = {
      format,
      cypherFor: given.cypher_for,
      since: given.since,
      overwrite: given.overwrite === true
    }
    const hash = hashOf("export_memories", {
      source: source.identity,
      statistics,
      output,
      existing: existing(output),
      ...options
    })
    return { source, output, options, hash, terms: exportTerms(output, format, isThere) }
  })

export const exportMemories = define({
  name: "export_memories",
  title: "Export memories to a document",
  description:
    "Writes the whole graph of a store into a document: JSON, JSONL or Markdown (complete), memory.jsonl or Cypher. The first call only plans and returns a plan_hash; a second call with the same arguments and that plan_hash writes the file. The file appears whole or not at all.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: ExportArguments,
  output: Work,
  run: (given, context) =>
    Effect.map(
      twoSteps(context, {
        tool: "export_memories",
        command: "export",
        arguments: given,
        plan: (recorder) =>
          Effect.gen(function* () {
            const { hash, options, output, source, terms } = yield* prepareExport(given, context, recorder)
            // What the second call would refuse is refused now.
            const { mayWriteDocument } = yield* Effect.promise(() => import("../../document/write.ts"))
            const { refuseHalfWritten } = yield* Effect.promise(() => import("../../migration/runs.ts"))
            yield* mayWriteDocument(options.format, outputOf(output, options))
            yield* refuseHalfWritten(context.stateFolder, source, recorder.run)
            const report = recorder.report({ outcome: "dry-run", exitCode: 0, error: null })
            return { report, planHash: hash, terms }
          }),
        act: (recorder, expected) =>
          Effect.gen(function* () {
            const { hash, options, output, source } = yield* prepareExport(given, context, recorder)
            yield* checkPlan(expected, hash, output)
            const { exportStore } = yield* Effect.promise(() => import("../../migration/exportStore.ts"))
            return yield* exportStore(source, {
              stateFolder: context.stateFolder,
              recorder,
              format: options.format,
              cypherFor: options.cypherFor,
              since: options.since,
              output: outputOf(output, options)
            })
          }),
        question: (work) => [`Export into ${JSON.stringify(given.output)}?`, ...planText(work)].join("\n")
      }),
      workAnswer
    )
})

const importing = (given: ImportArguments, context: ToolContext, recorder: Recorder, more: Partial<WriteOptions>) =>
  Effect.gen(function* () {
    const file = yield* context.access.file(given.input)
    const target = yield* context.stores.resolve("target", {
      name: given.target,
      backend: given.target_backend,
      config: given.target_config
    })
    const options = yield* writeOptions(given, context, recorder, { target })
    const { openDocument } = yield* Effect.promise(() => import("../../document/read.ts"))
    const { importRecords } = yield* Effect.promise(() => import("../../migration/migrate.ts"))
    const document = yield* openDocument(file, given.format ?? "auto")
    return yield* importRecords(document, yield* connect(target), { ...options, ...more })
  })

export const importMemories = define({
  name: "import_memories",
  title: "Import memories from a document",
  description:
    "Brings the graph of a document (this program's, memorygraphmcp's, its TypeScript port's, or a memory.jsonl) into a store and verifies it. The first call only plans and returns a plan_hash; a second call with the same arguments and that plan_hash writes. Nothing is kept unless everything was verified.",
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: ImportArguments,
  output: Work,
  run: (given, context) =>
    Effect.map(
      twoSteps(context, {
        tool: "import_memories",
        command: "import",
        arguments: given,
        plan: (recorder) => Effect.map(importing(given, context, recorder, planning), planned(given)),
        act: (recorder, hash) => importing(given, context, recorder, { expectPlan: hash }),
        question: (work) => ["Carry out this import?", ...planText(work)].join("\n")
      }),
      workAnswer
    )
})
