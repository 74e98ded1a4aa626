/** `--report FILE`: checked before a run begins, written when it has ended, however that was. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FileFailed, UsageError } from "../domain/Errors.ts"
import { codeOf } from "../files/errorCode.ts"
import type { RunReport } from "../migration/report.ts"
import type { Sketch } from "../migration/sketch.ts"
import type { ReportFormat } from "../report/render.ts"
import { expandHome } from "../settings/environment.ts"

/** Where a report goes, and as what. */
export interface ReportFile {
  readonly path: string
  readonly format: ReportFormat
}

/** Larger than any report of ours, in bytes. */
const MAX_REPORT = 64 * 1024 * 1024

const load = Effect.promise(() => import("../report/render.ts"))

const failed = (file: string, reason: FileFailed["reason"], why: string, cause?: unknown) =>
  new FileFailed({ path: file, reason, message: `The report ${file} cannot be written: ${why}`, cause })

// What stands there is somebody's work, unless it is an earlier report.
const checkExisting = ({ format, path: file }: ReportFile, mayReplace: boolean): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const { isReport } = yield* load
    const found = fs.statSync(file, { throwIfNoEntry: false })
    if (found === undefined) return
    const isOurs = found.isFile() && found.size <= MAX_REPORT && isReport(fs.readFileSync(file, "utf8"), format)
    if (!isOurs) {
      const why = "there is something of that name that is no report, and it is left as it was. Choose another name."
      return yield* failed(file, "exists", why)
    }
    if (!mayReplace) {
      const why = "there is a report of that name already. Choose another name, or replace it with --yes."
      return yield* failed(file, "exists", why)
    }
  })

/** The file that `--report` names: its format is known, and its folder can be written. */
export const prepareReport = (
  name: string,
  options: { readonly mayReplace: boolean }
): Effect.Effect<ReportFile, UsageError | FileFailed> =>
  Effect.gen(function* () {
    const { REPORT_FORMATS, reportFormatOf } = yield* load
    const format = reportFormatOf(name)
    if (format === undefined) {
      return yield* new UsageError({
        message: `--report ${name}: a report is a file that ends in ${REPORT_FORMATS.map((ending) => `.${ending}`).join(", ")}.`
      })
    }
    const file = path.resolve(expandHome(name))
    const folder = path.dirname(file)
    yield* Effect.try({
      try: () => fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK),
      catch: (cause) =>
        codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR"
          ? failed(file, "not-found", "its folder does not exist. Make the folder first.", cause)
          : failed(file, "permission", "its folder may not be written. Choose another place.", cause)
    })
    yield* checkExisting({ path: file, format }, options.mayReplace)
    return { path: file, format }
  })

/** Writes a report in one piece, readable by its owner only. */
export const writeReport = (
  file: ReportFile,
  report: RunReport,
  options: { readonly sketch: Sketch | null; readonly mayReplace: boolean }
): Effect.Effect<void, FileFailed> =>
  Effect.gen(function* () {
    const { renderReport } = yield* load
    const { writeAtomic } = yield* Effect.promise(() => import("../document/file-write.ts"))
    // The run itself may have written a document under that name.
    yield* checkExisting(file, options.mayReplace)
    const text = renderReport(report, { format: file.format, sketch: options.sketch })
    yield* writeAtomic(file.path, Stream.make(text), { existing: options.mayReplace ? "replace" : "refuse" })
  })
