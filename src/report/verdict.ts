/** What a report may be called: never more than the run proved. */
import type { RunReport, Stats, Verification } from "../migration/report.ts"
import { count, graphSize, plural } from "./words.ts"

/** How a verdict is coloured: proven, told, to be looked at, failed. */
export type Tone = "good" | "plain" | "warning" | "bad"

/** A verdict: a word or three, and sentences that say what it rests on and what is true of the target now. */
export interface Verdict {
  readonly tone: Tone
  readonly word: string
  readonly sentences: ReadonlyArray<string>
}

const after = (report: RunReport): Stats | null => report.target?.after ?? report.target?.before ?? null
const at = (stats: Stats | null): string => stats?.location ?? "the target"

/** True where every record was read back and compared, and nothing differed. */
export const isVerified = (verification: Verification | null): boolean =>
  verification !== null && verification.mode === "full" && verification.differencesTotal === 0

const plan = ({ plan: found, target }: RunReport): string =>
  found === null
    ? "Nothing was written."
    : `Nothing was written. ${plural(found.new, "record")} would be new in ${at(target?.before ?? null)}, ${count(found.same)} are there already, ${count(found.conflicts)} are there with another content.`

/** What travelled: the graph, or the part of it that `--since` selected. */
const sizeOf = ({ plan: found, source }: RunReport): string => {
  const since = found?.since ?? null
  if (since === null) return source === null ? "The graph" : graphSize(source)
  const { ends, nodes, relationships, time } = since
  return `${graphSize({ nodes: nodes + ends, relationships })} (new or changed since ${time}, and the ends of that)`
}

const moved = (report: RunReport): string => {
  const { command, records } = report
  const what = sizeOf(report)
  if (command === "clear") return `${plural(records.removed, "record")} were removed from ${at(after(report))}.`
  if (records.written + records.overwritten + records.removed === 0)
    return `Nothing was to be done: ${at(after(report))} held ${(report.plan?.since ?? null) === null ? "every record" : "all that is new or changed"} already.`
  if (records.written < records.read)
    return `${plural(records.written + records.overwritten, "record")} were written into ${at(after(report))}; ${count(records.same)} were there already.`
  if (command === "import") return `${what} were imported into ${at(after(report))}.`
  if (command === "backup restore") return `${what} were restored into ${at(after(report))}.`
  return `${what} were moved into ${at(after(report))}.`
}

const rest = ({ command, records, target }: RunReport): ReadonlyArray<string> => [
  ...(records.removed > 0 && command !== "clear"
    ? [`${plural(records.removed, "record")} of ${at(target?.before ?? null)} were removed first.`]
    : []),
  ...(records.kept > 0 ? [`${plural(records.kept, "record")} that differ stay as the target had them.`] : []),
  ...(records.rejected > 0 ? [`${plural(records.rejected, "record")} could not go, and are kept as rejects.`] : [])
]

const done = (report: RunReport): Verdict => {
  const { backup, command, records, source, verification } = report
  const size = source === null ? "The graph" : graphSize(source)
  if (command === "health") return { tone: "plain", word: "Reachable", sentences: [`${at(source)} holds ${size}.`] }
  if (command === "export") {
    const left = report.records.read - report.records.written
    const sentences = [
      `${sizeOf(report)} were read from ${at(source)}; the counts agree with the store's own.`,
      ...(left > 0 ? [`${plural(left, "record")} are not in the document, whose format cannot hold them.`] : [])
    ]
    return { tone: "plain", word: "Exported", sentences }
  }
  if (command === "backup create") {
    const checked = isVerified(verification) ? ", and the file was read back and compared" : ""
    return { tone: "good", word: "Backed up", sentences: [`${size} are in backup ${backup?.id ?? ""}${checked}.`] }
  }
  const sentences = [moved(report), ...rest(report)]
  if (command === "clear") return { tone: "plain", word: "Cleared", sentences }
  if (verification === null || verification.mode === "none") {
    const why = verification === null ? "Nothing was read back" : "Nothing was read back, as --no-verify asked"
    return { tone: "warning", word: "Not verified", sentences: [...sentences, `${why}: nothing is proven of it.`] }
  }
  // A run whose verification fails is never published; a report that says both is not to be believed.
  if (!isVerified(verification)) return { tone: "bad", word: "Not verified", sentences }
  const { checked } = verification
  const proof =
    records.kept === 0
      ? `${plural(checked, "record")} were read back, and all are as in the source.`
      : `${plural(checked, "record")} were read back: ${count(checked - records.kept)} are as in the source, ${count(records.kept)} as they were before.`
  return records.rejected > 0
    ? { tone: "warning", word: "Verified, with rejects", sentences: [...sentences, proof] }
    : { tone: "good", word: "Verified", sentences: [...sentences, proof] }
}

/** The commands that change a store. */
export const WRITES: ReadonlySet<string> = new Set(["migrate", "import", "resume", "backup restore", "clear"])

/** What is true of the target after a run that was broken off; `undefined` where it is not as it was, or nobody can say. */
export const targetAfterBreak = ({ command, phases, rollback, target }: RunReport): string | undefined => {
  if (!WRITES.has(command)) return "Nothing was changed."
  if (target === null || target.before === null) return "Nothing was written."
  if (rollback !== null) {
    return rollback.outcome === "undone" ? `${at(target.before)} is as it was before.` : undefined
  }
  // A session that was not undone was published: all that came after it is a look back.
  return phases.some(({ name }) => name === "import")
    ? `The run had been published already: ${at(target.before)} holds it.`
    : `${at(target.before)} is untouched.`
}

const brokenOff = (report: RunReport): ReadonlyArray<string> => {
  const sentence = targetAfterBreak(report)
  return sentence === undefined ? [] : [sentence]
}

/** The verdict on a run. */
export const verdictOf = (report: RunReport): Verdict => {
  const { error, outcome, rollback, source, target, verification } = report
  switch (outcome) {
    case "done":
    case "nothing-to-do":
      return done(report)
    case "dry-run":
      return { tone: "plain", word: "Dry run", sentences: [plan(report)] }
    case "equal":
      return {
        tone: "good",
        word: "Equal",
        sentences: [
          `Both hold the same ${source === null ? "graph" : graphSize(source)}: ${plural(verification?.checked ?? 0, "record")} were compared, each in full.`
        ]
      }
    case "different":
      return {
        tone: "bad",
        word: "Different",
        sentences: [
          `${plural(verification?.differencesTotal ?? 0, "difference")} between ${at(source)} and ${at(after(report))}. Neither was changed.`
        ]
      }
    case "undone":
      if (error === null)
        return {
          tone: "plain",
          word: "Taken back",
          sentences: [`Nothing of run ${report.run} is in ${at(after(report))} any more.`]
        }
      return {
        tone: "bad",
        word: error.tag === "VerificationFailed" ? "Verification failed, undone" : "Failed, undone",
        sentences: [`What had been written was taken back: ${at(target?.before ?? null)} is as it was before.`]
      }
    case "refused":
      return { tone: "warning", word: "Refused", sentences: ["Nothing was written."] }
    case "incomplete":
      return rollback?.outcome === "unknown"
        ? {
            tone: "bad",
            word: "Outcome unknown",
            sentences: ["Whether the publication took effect could not be found out."]
          }
        : {
            tone: "bad",
            word: "Undo incomplete",
            sentences: [`${at(target?.before ?? null)} still holds what is listed below.`]
          }
    case "interrupted":
      return { tone: "warning", word: "Interrupted", sentences: brokenOff(report) }
    case "failed":
      return { tone: "bad", word: "Failed", sentences: brokenOff(report) }
  }
}

/** A command that can be run next, and what it does. */
export interface NextStep {
  readonly command: string
  readonly meaning: string
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`

/** What can be run next. What an error's own sentence says is not repeated. */
export const nextSteps = (report: RunReport): ReadonlyArray<NextStep> => {
  const { command, outcome, records, rejects, run, target } = report
  if (outcome === "incomplete") {
    return [
      { command: `memorygraph runs show ${run}`, meaning: "says how the run stands" },
      { command: `memorygraph runs rollback ${run}`, meaning: "takes back what is still there" }
    ]
  }
  if (outcome !== "done" || !WRITES.has(command)) return []
  return [
    ...(rejects === null
      ? []
      : [
          {
            command: `memorygraph import ${quoted(rejects.path)} ${quoted(at(target?.after ?? target?.before ?? null))}`,
            meaning: "brings the rejects in, once their cause is mended"
          }
        ]),
    ...(records.written + records.overwritten + records.removed > 0
      ? [{ command: `memorygraph runs rollback ${run}`, meaning: "takes the run back, until it is pruned" }]
      : [])
  ]
}
