/** `export_memories` and `import_memories`: a store's graph into a document, and back. */
import * as Effect from "effect/Effect"
import { connect } from "../../backend/registry.ts"
import type { WriteOptions } from "../../migration/migrate.ts"
import type { Recorder } from "../../migration/Run.ts"
import { formatOfName } from "../../document/formats.ts"
import { twoSteps } from "../call.ts"
import { existingAt } from "../existing.ts"
import { checkPlan, hashOf } from "../planHash.ts"
import { planText, workAnswer } from "../results.ts"
import { ExportArguments, ImportArguments, Work } from "../schemas.ts"
import { exportTerms } from "../terms.ts"
import { define, type ToolContext } from "../tool.ts"
import { planned, planning, writeOptions } from "./migrate.ts"

const exporting = Effect.promise(() => import("../../migration/exportStore.ts"))

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
    const { examineSource } = yield* Effect.promise(() => import("../../migration/preflight.ts"))
    const { stats, statistics } = yield* examineSource(source)
    recorder.source = stats
    const asked = {
      format: given.format ?? formatOfName(given.output),
      cypherFor: given.cypher_for,
      since: given.since,
      output: { path: output, existing: given.overwrite === true ? ("replace" as const) : ("refuse" as const) }
    }
    const existing = yield* existingAt(output)
    const hash = hashOf("export_memories", { source: source.identity, statistics, existing, ...asked })
    const { relationships } = stats
    const terms = exportTerms({ ...asked, path: output, isThere: existing.kind !== "nothing", relationships })
    return { source, options: { ...asked, stateFolder: context.stateFolder, recorder }, terms, hash }
  })

/** The plan of an export; what the export would refuse is refused now, before anybody agrees to it. */
const planExport = (given: ExportArguments, context: ToolContext, recorder: Recorder) =>
  Effect.gen(function* () {
    const { hash, options, source, terms } = yield* prepareExport(given, context, recorder)
    const { mayExport } = yield* exporting
    yield* mayExport(source, options, recorder.run)
    return { report: recorder.report({ outcome: "dry-run", exitCode: 0, error: null }), planHash: hash, terms }
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
        plan: (recorder) => planExport(given, context, recorder),
        act: (recorder, expected) =>
          Effect.gen(function* () {
            const { hash, options, source } = yield* prepareExport(given, context, recorder)
            yield* checkPlan(expected, hash, options.output.path)
            const { exportStore } = yield* exporting
            return yield* exportStore(source, options)
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
        plan: (recorder) => Effect.map(importing(given, context, recorder, planning), planned(given, recorder)),
        act: (recorder, hash) => importing(given, context, recorder, { expectPlan: hash }),
        question: (work) => ["Carry out this import?", ...planText(work)].join("\n")
      }),
      workAnswer
    )
})
