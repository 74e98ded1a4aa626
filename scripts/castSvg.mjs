// Draws a terminal cast as an SVG that plays once and then stays at its last screen; what cannot play it shows that one.
// Understands what our program prints: carriage return, line feed, erase to the end of the line, colours.

const LINE = 19
const CHARACTER = 8.4
const MARGIN = 16
const BAR = 34

const COLOURS = { 31: "r", 32: "g", 33: "y", 36: "c" }
// The escape sequences' own character cannot be written otherwise.
// eslint-disable-next-line no-control-regex
const TOKEN = /\x1b\[([\d;]*)m|\x1b\[K|\x1b\[\?[\d;]*[hl]|\r|\n|[^\x1b\r\n]+/g

/** The lines of the terminal, each with its states over time: `{ at, cells }`. */
const play = (events, columns) => {
  const lines = [[]]
  let cells = []
  let column = 0
  let style = ""
  const note = (at) => {
    const states = lines[lines.length - 1]
    const text = JSON.stringify(cells)
    if (states.at(-1)?.text === text) return
    if (states.at(-1)?.at === at) states.pop()
    states.push({ at, text })
  }
  const feed = (at) => {
    note(at)
    lines.push([])
    cells = []
    column = 0
  }
  for (const [at, , text] of events) {
    for (const [token, code] of text.matchAll(TOKEN)) {
      if (code !== undefined) {
        for (const part of code.split(";")) {
          if (part === "1") style = "b"
          else if (COLOURS[part] !== undefined) style = COLOURS[part]
          else style = ""
        }
      } else if (token === "\r") column = 0
      else if (token === "\n") feed(at)
      else if (token === "\x1b[K") cells = cells.slice(0, column)
      else if (!token.startsWith("\x1b")) {
        for (const letter of token) {
          if (column === columns) feed(at)
          while (cells.length < column) cells.push([" ", ""])
          cells[column++] = [letter, style]
        }
      }
    }
    note(at)
  }
  return lines
}

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** The cells of a line as runs of one style. */
const runs = (text) => {
  const found = []
  for (const [letter, style] of JSON.parse(text)) {
    const last = found.at(-1)
    if (last?.style === style) last.text += letter
    else found.push({ style, text: letter })
  }
  return found
    .map((run) => (run.style === "" ? escape(run.text) : `<tspan class="${run.style}">${escape(run.text)}</tspan>`))
    .join("")
    .trimEnd()
}

const seconds = (value) => `${Number(value.toFixed(2))}s`

/** The SVG of a cast's events. */
export const drawCast = ({ columns, events, rows, title }) => {
  const lines = play(events, columns)
  const end = events.at(-1)[0]
  const elements = []
  for (const [row, states] of lines.entries()) {
    for (const [index, { at, text }] of states.entries()) {
      const content = runs(text)
      const until = states[index + 1]?.at
      if (content === "" || (until !== undefined && until - at < 0.04)) continue
      // The last state is there of itself and hidden until its time; the others show only in theirs.
      const [kind, timing] =
        until === undefined
          ? ["f", `animation-duration:${seconds(at)}`]
          : ["t", `animation:v ${seconds(until - at)} ${seconds(at)}`]
      elements.push(
        `<text class="${kind}" y="${row * LINE + 14}" style="${timing}" xml:space="preserve">${content}</text>`
      )
    }
  }
  // The screen moves up when a line begins below its end.
  const steps = lines
    .map((states, row) => ({ at: states[0]?.at ?? end, up: Math.max(0, row + 1 - rows) }))
    .filter(({ at }, index, all) => at !== all[index + 1]?.at)
    .filter(({ up }, index, all) => index === 0 || up !== all[index - 1].up)
  const keyframes = steps
    .map(({ at, up }) => `${((100 * at) / end).toFixed(2)}%{transform:translateY(${-up * LINE}px)}`)
    .join("")
  const last = Math.max(0, lines.length - rows)
  const width = Math.ceil(columns * CHARACTER + 2 * MARGIN)
  const height = rows * LINE + BAR + 2 * MARGIN
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escape(title)}</title>
<style>
text{font:13.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d5dbe3;white-space:pre}
.g{fill:#7fd18b}.r{fill:#ff8b84}.y{fill:#e5c76b}.c{fill:#7cc7e8}.b{font-weight:600}
.f{animation:h step-end}.t{opacity:0}
@keyframes h{from,to{opacity:0}}
@keyframes v{from,to{opacity:1}}
@keyframes s{0%{transform:none}${keyframes}}
.s{transform:translateY(${-last * LINE}px);animation:s ${seconds(end)} step-end}
@media (prefers-reduced-motion:reduce){.f,.t,.s{animation:none!important}}
</style>
<rect width="100%" height="100%" rx="10" fill="#171b21"/>
<circle cx="22" cy="18" r="5.5" fill="#4a525e"/><circle cx="41" cy="18" r="5.5" fill="#4a525e"/><circle cx="60" cy="18" r="5.5" fill="#4a525e"/>
<text x="${width / 2}" y="22" text-anchor="middle" style="fill:#8b95a3">${escape(title)}</text>
<svg x="${MARGIN}" y="${BAR + MARGIN / 2}" width="${width - 2 * MARGIN}" height="${rows * LINE}"><g class="s">
${elements.join("\n")}
</g></svg>
</svg>
`
}
