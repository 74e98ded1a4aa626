/** Renders the report of a run for people and programs: a page, Markdown, or the report itself. */
import { decodeReport, type RunReport } from "../migration/report.ts"
import type { Sketch } from "../migration/sketch.ts"
import { MARKDOWN_MARK, markdownOf } from "./markdown.ts"
import { PAGE_MARK, pageOf } from "./page.ts"

/** What a report can be rendered as. */
export const REPORT_FORMATS = ["html", "md", "json"] as const
/** One of {@link REPORT_FORMATS}. */
export type ReportFormat = (typeof REPORT_FORMATS)[number]

/** The format that a file's name says; undefined where it says none. */
export const reportFormatOf = (file: string): ReportFormat | undefined =>
  REPORT_FORMATS.find((format) => file.toLowerCase().endsWith(`.${format}`))

/**
 * Renders a report: `html` is one page that loads and runs nothing, `md` GitHub-flavoured Markdown, `json` the report
 * itself. The page draws the sketch, where there is one (`Recorder.sketch`). Foreign text is escaped; nothing that the
 * report does not hold is shown, so no secret is.
 *
 * @example
 * ```ts
 * const page = renderReport(report, { format: "html", sketch: recorder.sketch })
 * ```
 */
export const renderReport = (
  report: RunReport,
  options: { readonly format: ReportFormat; readonly sketch?: Sketch | null | undefined }
): string => {
  switch (options.format) {
    case "html":
      return pageOf(report, options.sketch ?? null)
    case "md":
      return markdownOf(report)
    case "json":
      return `${JSON.stringify(report, null, 2)}\n`
  }
}

/** True for a text that {@link renderReport} made: it may be replaced by a newer report. */
export const isReport = (text: string, format: ReportFormat): boolean => {
  switch (format) {
    case "html":
      return text.includes(PAGE_MARK)
    case "md":
      return text.startsWith(MARKDOWN_MARK)
    case "json":
      return decodeReport(text) !== undefined
  }
}
