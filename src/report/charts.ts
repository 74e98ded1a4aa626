/** Tables whose rows carry a bar: counts side by side, the records' ways, the phases on a time line. */
import type { CountTable, PhaseRow, Share } from "./facts.ts"
import { at, foreign, type Markup, markup } from "./markup.ts"
import { count, duration, plural } from "./words.ts"

/** How many rows a chart shows at once; the others can be unfolded. */
const SHOWN = 14
const UNFOLDED = 200

const BAR = 6
const GAP = 2

/** Bars below each other, each a share of the widest. */
const bars = (values: ReadonlyArray<{ readonly series: string; readonly share: number }>): Markup => {
  const height = values.length * (BAR + GAP) - GAP
  return markup`<svg class="bars" viewBox="0 0 100 ${height}" height="${height}" preserveAspectRatio="none" aria-hidden="true">${values.map(
    ({ series, share }, i) =>
      markup`<rect class="track" width="100" height="${BAR}" y="${i * (BAR + GAP)}"/><rect class="${series}" width="${at(share * 100)}" height="${BAR}" y="${i * (BAR + GAP)}"/>`
  )}</svg>`
}

const number = (value: number | undefined): Markup =>
  markup`<td class="number">${value === undefined ? "–" : count(value)}</td>`

/** Counts per label or type: source and target beside each other. */
export const countChart = ({ columns, rows, what }: CountTable): Markup => {
  const most = Math.max(1, ...rows.flatMap(({ after = 0, before = 0, source = 0 }) => [after, before, source]))
  const title = what === "label" ? "Nodes per label" : "Relationships per type"
  const table = (part: CountTable["rows"], caption: string) =>
    markup`<table class="counts"><caption>${caption}</caption>
<thead><tr><th scope="col">${what === "label" ? "Label" : "Type"}</th>${columns.map(
      ({ heading, of }) =>
        markup`<th scope="col" class="number"><span class="swatch ${of}" aria-hidden="true"></span>${heading}</th>`
    )}</tr></thead>
<tbody>${part.map((row) => {
      const values = columns.map(({ of }) => ({ series: of, share: (row[of] ?? 0) / most }))
      return markup`<tr><th scope="row"><div class="barred"><span>${foreign(row.name === "" ? "(no label)" : row.name)}</span>${bars(values)}</div></th>${columns.map(({ of }) => number(row[of]))}</tr>`
    })}</tbody></table>`
  // A fold that hides two rows hides nothing.
  const shown = rows.length <= SHOWN + 2 ? rows.length : SHOWN
  const rest = rows.slice(shown, shown + UNFOLDED)
  const more = rows.length - shown - rest.length
  return markup`${table(rows.slice(0, shown), title)}${
    rest.length === 0
      ? undefined
      : markup`<details><summary>${count(rest.length)} more ${what}s, of at most ${count(Math.max(...columns.map(({ of }) => rest[0]?.[of] ?? 0)))} each</summary>${table(rest, `${title}, continued`)}${more > 0 ? markup`<p class="more">and ${count(more)} more</p>` : undefined}</details>`
  }`
}

/** Where the records went: one bar, and what its parts are. */
export const shareChart = (shares: ReadonlyArray<Share>, total: number): Markup => {
  let x = 0
  const parts = shares.map(({ name, records }) => {
    const width = (records / Math.max(1, total)) * 100
    const part = markup`<rect class="${name}" x="${at(x)}" width="${at(width)}" height="14"/>`
    x += width
    return part
  })
  return markup`<p class="soft">${plural(total, "record")} were read.</p>
<svg class="shares" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">${parts}</svg>
<table class="ways"><caption class="hidden">Where the records went</caption><thead class="hidden"><tr><th scope="col">Way</th><th scope="col">Records</th><th scope="col">Meaning</th></tr></thead>
<tbody>${shares.map(
    ({ meaning, name, records }) =>
      markup`<tr><th scope="row"><span class="swatch ${name}" aria-hidden="true"></span>${name}</th><td class="number">${count(records)}</td><td>${foreign(meaning)}</td></tr>`
  )}</tbody></table>`
}

const MEANINGS: { readonly [phase: string]: string } = {
  preflight: "look at both sides",
  export: "read the source",
  validate: "check what was read",
  plan: "compare with the target",
  remove: "remove what is replaced",
  import: "write",
  verify: "read back and compare",
  publish: "make it visible",
  undo: "take it back",
  cleanup: "tidy up"
}

/** The phases on a time line of so many seconds. */
export const timeLine = (phases: ReadonlyArray<PhaseRow>, total: number): Markup => {
  const end = Math.max(0.001, total, ...phases.map(({ seconds, start }) => start + seconds))
  const rows = phases.map(({ name, rate, records, seconds, start }) => {
    const width = Math.max(0.6, (seconds / end) * 100)
    const x = Math.min((start / end) * 100, 100 - width)
    const title = `${name}: from ${duration(start)} to ${duration(start + seconds)}`
    return markup`<tr><th scope="row"><div class="barred"><span>${name}<span class="hint">${MEANINGS[name]}</span></span><svg class="bars span" viewBox="0 0 100 12" height="12" preserveAspectRatio="none" role="img"><title>${title}</title><rect class="track" width="100" height="12"/><rect class="after" x="${at(x)}" width="${at(width)}" height="12"/></svg></div></th><td class="number">${duration(seconds)}</td>${number(records === 0 ? undefined : records)}${number(rate)}</tr>`
  })
  return markup`<table class="timeline"><caption>${duration(total)} in all</caption>
<thead><tr><th scope="col">Phase</th><th scope="col" class="number">Time</th><th scope="col" class="number">Records</th><th scope="col" class="number">Records/s</th></tr></thead>
<tbody>${rows}</tbody></table>`
}
