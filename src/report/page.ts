/** The report as one page: it loads nothing, runs nothing, and can be handed on as it is. */
import * as crypto from "node:crypto"
import type { Difference } from "../domain/Errors.ts"
import type { MisfitCount, RunReport } from "../migration/report.ts"
import type { Sketch } from "../migration/sketch.ts"
import { GENERATOR } from "../version.ts"
import { countChart, shareChart, timeLine } from "./charts.ts"
import { draw } from "./drawing.ts"
import {
  balanceOf,
  beganAt,
  comparisonOf,
  countTables,
  phasesOf,
  planRows,
  type Side,
  sharesOf,
  sidesOf,
  timeOf
} from "./facts.ts"
import { code, foreign, type Markup, markup } from "./markup.ts"
import { STYLE } from "./style.ts"
import { nextSteps, type Tone, verdictOf } from "./verdict.ts"
import { count, graphSize, plural } from "./words.ts"

/** How many differences the page lists before it says how many more there are. */
const SHOWN_DIFFERENCES = 200

const SIGNS: { readonly [T in Tone]: string } = {
  good: "M9 16.5l4.6 4.6L23 11.5",
  bad: "M11 11l10 10M21 11L11 21",
  warning: "M16 9.5v8M16 22v.2",
  plain: "M16 15v7.5M16 10v.2"
}

const section = (title: string, body: Markup, style = ""): Markup =>
  markup`<section class="${style}"><h2>${title}</h2>${body}</section>`

const sideCard = ({ backend, before, fingerprint, location, nodes, relationships, role, version }: Side): Markup =>
  markup`<div class="side"><h2>${role}</h2>
<p class="fingerprint${fingerprint === null ? " none" : ""}">${fingerprint === null ? "fingerprint not computed" : code(fingerprint)}</p>
<dl><dt>Store</dt><dd>${foreign(version === "" ? backend : `${backend} (${version})`)}</dd>
<dt>Place</dt><dd>${code(location)}</dd>
<dt>Holds</dt><dd>${graphSize({ nodes, relationships })}</dd>${
    before === null ? undefined : markup`<dt>Before</dt><dd>${graphSize(before)}</dd>`
  }</dl></div>`

const sides = (report: RunReport): Markup | undefined => {
  const both = sidesOf(report)
  const comparison = comparisonOf(report)
  const [first, second] = both.map(sideCard)
  const conclusion = [comparison?.text, balanceOf(report)].filter((sentence) => sentence !== undefined).join(" ")
  if (first === undefined) return undefined
  const relation =
    second === undefined
      ? undefined
      : comparison === undefined
        ? markup`<div class="relation" aria-hidden="true">→</div>`
        : comparison.equal
          ? markup`<div class="relation equal" aria-hidden="true">=</div>`
          : markup`<div class="relation ${report.outcome === "done" ? "kept" : "unequal"}" aria-hidden="true">≠</div>`
  return markup`<div class="sides${both.length === 1 ? " single" : ""}">${first}${relation}${second}</div>${
    conclusion === "" ? undefined : markup`<p class="comparison">${conclusion}</p>`
  }`
}

const verdict = (report: RunReport): Markup => {
  const { sentences, tone, word } = verdictOf(report)
  return markup`<div class="verdict ${tone}"><h1><svg viewBox="0 0 32 32" aria-hidden="true"><circle class="disc" cx="16" cy="16" r="16"/><path class="sign" d="${SIGNS[tone]}"/></svg>${word}</h1>
${sentences.map((sentence) => markup`<p>${foreign(sentence)}</p>`)}${sides(report)}</div>`
}

const next = (report: RunReport): Markup | undefined => {
  const steps = nextSteps(report)
  return steps.length === 0
    ? undefined
    : markup`<ul class="next">${steps.map(({ command, meaning }) => markup`<li>${code(command)} ${meaning}</li>`)}</ul>`
}

const left = ({ rollback }: RunReport): Markup | undefined =>
  rollback === null || rollback.left.length === 0
    ? undefined
    : markup`<h3>Left behind</h3><ul class="left">${rollback.left.map(({ what, why }) => markup`<li>${code(what)}: ${foreign(why)}</li>`)}</ul>`

const trouble = (report: RunReport): Markup | undefined => {
  const { error, exitCode, outcome } = report
  if (error === null) return undefined
  const isMild = outcome === "refused" || outcome === "interrupted"
  return section(
    "What happened",
    markup`<p>${foreign(error.message)}</p><p class="soft">${error.tag}, exit code ${exitCode}</p>${left(report)}${next(report)}`,
    `error${isMild ? " mild" : ""}`
  )
}

const differenceRow = ({ actual, expected, key, kind, property, record }: Difference): Markup => {
  const value = (heading: string, text: string | undefined) =>
    text === undefined ? markup`<td></td>` : markup`<td data-heading="${heading}">${code(text)}</td>`
  return markup`<tr><td class="kind">${kind} ${record}</td><td>${code(key)}${property === undefined ? undefined : markup`, ${code(property)}`}</td>${value("expected", expected)}${value("found", actual)}</tr>`
}

const differences = ({ verification }: RunReport): Markup | undefined => {
  if (verification === null || verification.differencesTotal === 0) return undefined
  const shown = verification.differences.slice(0, SHOWN_DIFFERENCES)
  const more = verification.differencesTotal - shown.length
  return section(
    "Differences",
    markup`<table><caption>${plural(verification.differencesTotal, "difference")}; “missing” and “found” are said of the second graph</caption>
<thead><tr><th scope="col">What</th><th scope="col">Where</th><th scope="col">Expected</th><th scope="col">Found</th></tr></thead>
<tbody>${shown.map(differenceRow)}</tbody></table>${more > 0 ? markup`<p class="more">and ${count(more)} more</p>` : undefined}`,
    "differences"
  )
}

const ids = (list: ReadonlyArray<string>, total: number): Markup => {
  const more = total - list.length
  return markup`<span class="ids">${list.map((id, i) => markup`${i === 0 ? undefined : ", "}${code(id)}`)}${more > 0 ? ` and ${count(more)} more` : undefined}</span>`
}

const misfits = (title: string, meaning: string, list: ReadonlyArray<MisfitCount>): Markup | undefined =>
  list.length === 0
    ? undefined
    : markup`<h3>${title}</h3><p class="soft">${meaning}</p><ul class="kinds">${list.map(
        ({ count: number, ids: keys, kind }) =>
          markup`<li><b>${foreign(kind)}</b>: ${count(number)}${ids(keys, number)}</li>`
      )}</ul>`

const conflicts = ({ outcome, plan }: RunReport): Markup | undefined =>
  plan === null || plan.conflicts === 0
    ? undefined
    : section(
        "Conflicts",
        markup`<p class="soft">${plural(plan.conflicts, "record")} that the target held with another content${outcome === "done" ? "; what became of them stands above" : ""}.</p><p>${ids(plan.conflictIds, plan.conflicts)}</p>`
      )

const fit = ({ plan }: RunReport): Markup | undefined => {
  if (plan === null) return undefined
  const notes = [
    misfits("Impossible", "The target cannot hold these without change.", plan.impossible),
    misfits(
      "Encoded",
      "The target holds these as text with their kind beside it; they come back as they were.",
      plan.encoded
    ),
    plan.unkeyed === 0
      ? undefined
      : markup`<h3>Without an id: ${count(plan.unkeyed)}</h3><p class="soft">These nodes have no id of their own to be found by again.</p>`
  ].filter((note) => note !== undefined)
  return notes.length === 0 ? undefined : section("How the records fit the target", markup`${notes}`)
}

const notes = ({ plan }: RunReport): Markup | undefined =>
  plan === null || plan.warnings.length === 0
    ? undefined
    : section(
        "Notes",
        markup`<ul class="notes">${plan.warnings.map((warning) => markup`<li>${foreign(warning)}</li>`)}</ul>`
      )

const planned = ({ outcome, plan }: RunReport): Markup | undefined =>
  plan === null || outcome !== "dry-run"
    ? undefined
    : section(
        "The plan",
        markup`<table class="ways"><caption class="hidden">What a run would do</caption><tbody>${planRows(plan).map(
          ([name, value, meaning]) =>
            markup`<tr><th scope="row">${name}</th><td class="number">${value}</td><td>${foreign(meaning)}</td></tr>`
        )}</tbody></table>`
      )

const ways = (report: RunReport): Markup | undefined => {
  const shares = sharesOf(report)
  // One way only is said by the sentence beside the fingerprints.
  return shares.length < 2 ? undefined : section("Where the records went", shareChart(shares, report.records.read))
}

const kept = ({ backup, command, rejects }: RunReport): Markup | undefined => {
  const rows = [
    backup === null
      ? undefined
      : markup`<li>Backup ${code(backup.id)}${command.startsWith("backup") ? "" : " of the target as it was before"}, in ${code(backup.folder)}</li>`,
    rejects === null
      ? undefined
      : markup`<li>${plural(rejects.count, "record")} that could not go, in ${code(rejects.path)}</li>`
  ].filter((row) => row !== undefined)
  return rows.length === 0 ? undefined : section("Kept for you", markup`<ul class="notes">${rows}</ul>`)
}

const MARKS: { readonly [outcome: string]: string } = { different: "differs", undone: "differs" }

const drawing = (report: RunReport, sketch: Sketch | null): Markup | undefined => {
  if (sketch === null || sketch.nodes.length === 0) return undefined
  const { outcome, plan, verification } = report
  const differing = verification?.differences.map(({ key }) => key) ?? []
  const marked = new Set([...differing, ...(plan?.conflictIds ?? [])])
  return section("The graph", draw(sketch, marked, MARKS[outcome] ?? "in conflict"))
}

const body = (report: RunReport, sketch: Sketch | null): Markup => {
  const began = beganAt(report.run)
  const tables = countTables(report)
  const steps = report.error === null ? next(report) : undefined
  return markup`<main>
<p class="run"><span><b>memorygraph ${report.command}</b>${report.dryRun ? ", dry run" : ""}</span><span>${began === undefined ? "" : `${began}, `}${timeOf(report)}</span></p>
${verdict(report)}${trouble(report)}${differences(report)}${planned(report)}${ways(report)}${drawing(report, sketch)}${
    tables.length === 0 ? undefined : section("What the graphs hold", markup`${tables.map(countChart)}`, "chart")
  }${conflicts(report)}${fit(report)}${notes(report)}${kept(report)}${
    report.phases.length === 0 ? undefined : section("Phases", timeLine(phasesOf(report), report.durationSeconds))
  }${steps === undefined ? undefined : section("What can be run next", steps)}</main>
<footer><p>Run ${code(report.run)}, exit code ${report.exitCode}. Written by ${GENERATOR}. This page loads nothing and runs nothing.</p></footer>`
}

/** What the page says of itself, and how a report is known again. */
export const PAGE_MARK = '<meta name="generator" content="memorygraph-migrate report">'

const POLICY = `default-src 'none'; style-src 'sha256-${crypto.hash("sha256", STYLE, "base64")}'; base-uri 'none'; form-action 'none'`

/** The report as an HTML page. */
export const pageOf = (report: RunReport, sketch: Sketch | null): string => {
  const title = markup`${verdictOf(report).word}: memorygraph ${report.command}, run ${report.run}`.text
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
${PAGE_MARK}
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
${body(report, sketch).text}
</body>
</html>
`
}
