/** The drawing of a graph: a sketch as SVG, with a legend and a sentence that says how much of the graph it shows. */
import type { Sketch, SketchNode } from "../migration/sketch.ts"
import { type Layout, layOut, type Place } from "./layout.ts"
import { at, foreign, type Markup, markup } from "./markup.ts"
import { count, graphSize, plural } from "./words.ts"

/** How many groups of nodes have a colour of their own; the rest share one. */
const COLOURS = 7
/** How many types the legend names. */
const NAMED_TYPES = 8
/** How many nodes carry their title. */
const TITLED = 14
const TITLED_ON_PHONE = 5
const TITLE_LENGTH = 26
/** More nodes than these are drawn smaller. */
const CROWD = 60

interface Drawn {
  readonly node: SketchNode
  readonly place: Place
  readonly radius: number
  readonly colour: number
  readonly isMarked: boolean
}

/** A memory's type says more than its label, which all memories share. */
const groupOf = ({ kind, label }: SketchNode): string => kind ?? (label === "" ? "(no label)" : label)

const ranked = (names: Iterable<string>): ReadonlyArray<readonly [string, number]> => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}

const shorten = (text: string): string => {
  const characters = Array.from(text)
  return characters.length > TITLE_LENGTH
    ? `${characters
        .slice(0, TITLE_LENGTH - 1)
        .join("")
        .trimEnd()}…`
    : text
}

const nodeMark = ({ colour, isMarked, node, place, radius }: Drawn): Markup => {
  const what = `${node.title ?? node.key} (${groupOf(node)})${node.title === undefined ? "" : `\n${node.key}`}`
  const [x, y] = [at(place.x), at(place.y)]
  const ring = isMarked ? markup`<circle class="ring" cx="${x}" cy="${y}" r="${at(radius + 4)}"/>` : undefined
  return markup`<g><title>${what}</title>${ring}<circle class="node c${colour}" cx="${x}" cy="${y}" r="${at(radius)}"/></g>`
}

const SELF = 9

const edgeMark = (from: Drawn, to: Drawn, type: string, bend: number): Markup => {
  const title = markup`<title>${`${from.node.title ?? from.node.key} — ${type} → ${to.node.title ?? to.node.key}`}</title>`
  if (from === to) {
    const [x, y] = [from.place.x + from.radius, from.place.y - from.radius]
    return markup`<g>${title}<circle class="edge" cx="${at(x)}" cy="${at(y)}" r="${SELF}"/></g>`
  }
  const [dx, dy] = [to.place.x - from.place.x, to.place.y - from.place.y]
  const distance = Math.hypot(dx, dy) || 1
  const end = (drawn: Drawn, sign: number, gap: number): string =>
    `${at(drawn.place.x + (sign * dx * (drawn.radius + gap)) / distance)} ${at(drawn.place.y + (sign * dy * (drawn.radius + gap)) / distance)}`
  const middle = `${at((from.place.x + to.place.x) / 2 - (dy / distance) * bend)} ${at((from.place.y + to.place.y) / 2 + (dx / distance) * bend)}`
  const path = `M${end(from, 1, 0)}${bend === 0 ? "L" : `Q${middle} `}${end(to, -1, 3)}`
  return markup`<g>${title}<path class="edge" marker-end="url(#arrow)" d="${path}"/></g>`
}

const PARALLEL = 14

/** Relationships between the same two nodes are drawn beside each other. */
const edges = ({ relationships }: Sketch, drawn: ReadonlyArray<Drawn>): ReadonlyArray<Markup> => {
  const met = new Map<string, number>()
  return relationships.flatMap(({ from, to, type }) => {
    const [a, b] = [drawn[from], drawn[to]]
    if (a === undefined || b === undefined) return []
    const pair = `${Math.min(from, to)} ${Math.max(from, to)}`
    const number = met.get(pair) ?? 0
    met.set(pair, number + 1)
    const side = number % 2 === 0 ? 1 : -1
    const bend = Math.ceil(number / 2) * PARALLEL * side * (from < to ? 1 : -1)
    return [edgeMark(a, b, type, bend)]
  })
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

/** How a title is set: at the width of a desk, and of a phone, where the drawing shrinks and its titles do not. */
const SIZES = { desk: { character: 6.6, line: 15 }, phone: { character: 13.2, line: 28 } } as const

const boxOf = (
  x: number,
  y: number,
  isBelow: boolean,
  length: number,
  { character, line }: { readonly character: number; readonly line: number }
): Box => ({
  left: x - (length * character) / 2,
  right: x + (length * character) / 2,
  top: isBelow ? y : y - line,
  bottom: isBelow ? y + line : y
})

/** The titles of the nodes that are linked most, as far as they do not cover each other or another node. */
const titles = (drawn: ReadonlyArray<Drawn>, { width }: Layout): ReadonlyArray<Markup> => {
  const discs: ReadonlyArray<Box> = drawn.map(({ place: { x, y }, radius }) => ({
    left: x - radius,
    right: x + radius,
    top: y - radius,
    bottom: y + radius
  }))
  const taken = { desk: [...discs], phone: [...discs] }
  const marks: Array<Markup> = []
  let onPhone = 0
  const order = drawn.toSorted((a, b) => Number(b.isMarked) - Number(a.isMarked) || b.radius - a.radius)
  for (const { node, place, radius } of order) {
    if (marks.length === TITLED) break
    if (node.title === undefined) continue
    const text = shorten(node.title)
    const { length } = Array.from(text)
    const spots = [true, false].map((isBelow) => {
      const y = isBelow ? place.y + radius + 3 : place.y - radius - 4
      const box = (size: keyof typeof SIZES) => boxOf(place.x, y, isBelow, length, SIZES[size])
      const isFree = (size: keyof typeof SIZES) => {
        const { left, right } = box(size)
        return left >= 0 && right <= width && !taken[size].some((other) => overlaps(box(size), other))
      }
      return { y, isBelow, box, isFree }
    })
    const spot =
      spots.find(({ isFree }) => isFree("desk") && isFree("phone")) ?? spots.find(({ isFree }) => isFree("desk"))
    if (spot === undefined) continue
    const isMajor = onPhone < TITLED_ON_PHONE && spot.isFree("phone")
    taken.desk.push(spot.box("desk"))
    if (isMajor) {
      onPhone++
      taken.phone.push(spot.box("phone"))
    }
    const style = `${spot.isBelow ? "below" : "above"}${isMajor ? "" : " minor"}`
    marks.push(markup`<text class="${style}" x="${at(place.x)}" y="${at(spot.y)}">${text}</text>`)
  }
  return marks
}

const described = (sketch: Sketch): string =>
  sketch.nodes.length === sketch.totalNodes && sketch.relationships.length === sketch.totalRelationships
    ? `All ${graphSize({ nodes: sketch.totalNodes, relationships: sketch.totalRelationships })}.`
    : sketch.nodes.length === sketch.totalNodes
      ? `All ${plural(sketch.totalNodes, "node")}, and ${count(sketch.relationships.length)} of ${plural(sketch.totalRelationships, "relationship")}.`
      : `A sample: ${count(sketch.nodes.length)} of ${plural(sketch.totalNodes, "node")}, grown from neighbour to neighbour, and ${count(sketch.relationships.length)} of ${plural(sketch.totalRelationships, "relationship")}, the ones between them.`

const legend = (
  groups: ReadonlyArray<readonly [string, number]>,
  types: ReadonlyArray<readonly [string, number]>,
  marked: string | undefined
): Markup => {
  const rest = groups.slice(COLOURS)
  const dot = (colour: number) =>
    markup`<svg class="dot" viewBox="0 0 12 12" aria-hidden="true"><circle class="node c${colour}" cx="6" cy="6" r="5"/></svg>`
  const item = (colour: number, name: string, number: number) =>
    markup`<li>${dot(colour)}${foreign(name)} <span class="n">${count(number)}</span></li>`
  const others = rest.reduce((sum, [, number]) => sum + number, 0)
  const moreTypes = types.length - NAMED_TYPES
  return markup`<div class="legend">
<ul aria-label="Nodes by type or label">${groups.slice(0, COLOURS).map(([name, number], i) => item(i, name, number))}${
    rest.length === 0 ? undefined : item(COLOURS, plural(rest.length, "other"), others)
  }${marked === undefined ? undefined : markup`<li><svg class="dot" viewBox="0 0 12 12" aria-hidden="true"><circle class="ring" cx="6" cy="6" r="4.5"/></svg>${marked}</li>`}</ul>
<ul aria-label="Relationships by type">${types
    .slice(0, NAMED_TYPES)
    .map(
      ([name, number]) =>
        markup`<li><span class="arrow" aria-hidden="true">→</span>${foreign(name)} <span class="n">${count(number)}</span></li>`
    )}${
    moreTypes > 0
      ? markup`<li><span class="arrow" aria-hidden="true">→</span>${plural(moreTypes, "other type")}</li>`
      : undefined
  }</ul></div>`
}

/** Draws a sketch. `marked` are the keys of nodes to be ringed, and `mark` says what the ring means. */
export const draw = (sketch: Sketch, marked: ReadonlySet<string>, mark: string): Markup => {
  const degrees = sketch.nodes.map(() => 0)
  for (const { from, to } of sketch.relationships) for (const end of [from, to]) degrees[end] = (degrees[end] ?? 0) + 1
  const layout = layOut(sketch.nodes.length, sketch.relationships)
  const groups = ranked(sketch.nodes.map(groupOf))
  const colours = new Map(groups.map(([name], i) => [name, Math.min(i, COLOURS)]))
  const size = sketch.nodes.length > CROWD ? 0.8 : 1
  const drawn = sketch.nodes.map((node, i): Drawn => ({
    node,
    place: layout.places[i] ?? { x: 0, y: 0 },
    radius: size * Math.min(13, 5 + 1.5 * Math.sqrt(degrees[i] ?? 0)),
    colour: colours.get(groupOf(node)) ?? COLOURS,
    isMarked: marked.has(node.key)
  }))
  const hasMarks = drawn.some(({ isMarked }) => isMarked)
  const what = described(sketch)
  return markup`<figure class="graph">
<svg viewBox="0 0 ${at(layout.width)} ${at(layout.height)}" role="img" aria-labelledby="graph-title graph-desc">
<title id="graph-title">The graph</title><desc id="graph-desc">${what}</desc>
<defs><marker id="arrow" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto" markerUnits="userSpaceOnUse"><path class="head" d="M0 0 6 3 0 6z"/></marker></defs>
${edges(sketch, drawn)}
${drawn.map(nodeMark)}
${titles(drawn, layout)}
</svg>
<figcaption>${what}</figcaption>
${legend(groups, ranked(sketch.relationships.map(({ type }) => type)), hasMarks ? mark : undefined)}
</figure>`
}
