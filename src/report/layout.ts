/**
 * Places the nodes of a sketch: each part that hangs together by a force-directed layout, the parts in rows, and below
 * them the nodes without relationships. The same graph is always placed the same way.
 */

/** Where a node stands. */
export interface Place {
  readonly x: number
  readonly y: number
}

/** Places in the order of the nodes, and the size of the plane they are in. */
export interface Layout {
  readonly places: ReadonlyArray<Place>
  readonly width: number
  readonly height: number
}

interface Link {
  readonly from: number
  readonly to: number
}

const WIDTH = 800
const MARGIN = 40
const SMALL_MARGIN = 24
const STEPS = 400
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5))
/** How far the nodes are from each other, roughly. */
const LENGTH = 46
const GRAVITY = 0.035
/** The plane is wider than high: what is above or below is drawn in more. */
const FLATTENING = 1.5
const GRID = 26
/** Blocks of so many nodes use the room there is, up to so many times their size. */
const SPREAD_FROM = 8
const MAX_SPREAD = 1.5
/** How far two nodes are from each other at least, as far as so many rounds of pushing bring them. */
const APART = 24
const ROUNDS = 60
const MAX_HEIGHT = 620

interface Body {
  x: number
  y: number
  dx: number
  dy: number
}

const step = (
  bodies: ReadonlyArray<Body>,
  links: ReadonlyArray<Link>,
  degrees: ReadonlyArray<number>,
  heat: number
) => {
  for (const body of bodies) {
    body.dx = -body.x * GRAVITY
    body.dy = -body.y * GRAVITY * FLATTENING
  }
  for (let i = 0; i < bodies.length; i++) {
    const a = bodies[i]
    for (let j = i + 1; j < bodies.length; j++) {
      const b = bodies[j]
      if (a === undefined || b === undefined) continue
      const [x, y] = [a.x - b.x, a.y - b.y]
      const push = (LENGTH * LENGTH) / (x * x + y * y + 1)
      a.dx += x * push
      a.dy += y * push
      b.dx -= x * push
      b.dy -= y * push
    }
  }
  for (const { from, to } of links) {
    const [a, b] = [bodies[from], bodies[to]]
    if (a === undefined || b === undefined || a === b) continue
    const [x, y] = [b.x - a.x, b.y - a.y]
    const distance = Math.sqrt(x * x + y * y) + 0.01
    // A hub with many links must not be torn about by them.
    const pull = ((distance - LENGTH) / distance) * (1.2 / Math.sqrt(Math.min(degrees[from] ?? 1, degrees[to] ?? 1)))
    a.dx += x * pull
    a.dy += y * pull
    b.dx -= x * pull
    b.dy -= y * pull
  }
  for (const body of bodies) {
    const speed = Math.sqrt(body.dx * body.dx + body.dy * body.dy)
    const limit = speed > heat ? heat / speed : 1
    body.x += body.dx * limit
    body.y += body.dy * limit
  }
}

const simulate = (count: number, links: ReadonlyArray<Link>): ReadonlyArray<Body> => {
  const degrees = Array.from({ length: count }, () => 0)
  for (const { from, to } of links) {
    degrees[from] = (degrees[from] ?? 0) + 1
    degrees[to] = (degrees[to] ?? 0) + 1
  }
  const bodies = Array.from({ length: count }, (_, i): Body => {
    const radius = LENGTH * 0.7 * Math.sqrt(i + 0.5)
    return { x: radius * Math.cos(i * GOLDEN_ANGLE), y: radius * Math.sin(i * GOLDEN_ANGLE), dx: 0, dy: 0 }
  })
  for (let i = 0; i < STEPS; i++) step(bodies, links, degrees, LENGTH * (1 - i / STEPS) + 0.5)
  return bodies
}

/** The nodes in groups that hang together, the largest first. */
const componentsOf = (count: number, links: ReadonlyArray<Link>): ReadonlyArray<ReadonlyArray<number>> => {
  const heads = Array.from({ length: count }, (_, i) => i)
  const head = (node: number): number => {
    const above = heads[node] ?? node
    return above === node ? node : head(above)
  }
  for (const { from, to } of links) heads[Math.max(head(from), head(to))] = Math.min(head(from), head(to))
  const groups = new Map<number, Array<number>>()
  for (let i = 0; i < count; i++) groups.set(head(i), [...(groups.get(head(i)) ?? []), i])
  return [...groups.values()].toSorted((a, b) => b.length - a.length)
}

/** A group of nodes that is laid out, from 0, 0 on. */
interface Block {
  readonly nodes: ReadonlyArray<number>
  readonly places: ReadonlyArray<Place>
  readonly width: number
  readonly height: number
}

/** Pushes apart what lies on each other. */
const spread = (places: ReadonlyArray<Place>): ReadonlyArray<Place> => {
  const moved = places.map(({ x, y }) => ({ x, y }))
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < moved.length; i++) {
      for (let j = i + 1; j < moved.length; j++) {
        const [a, b] = [moved[i], moved[j]]
        if (a === undefined || b === undefined) continue
        const [x, y] = [a.x - b.x, a.y - b.y]
        const distance = Math.hypot(x, y) || 0.01
        if (distance >= APART) continue
        const push = (APART - distance) / distance / 3
        a.x += x * push
        a.y += y * push
        b.x -= x * push
        b.y -= y * push
      }
    }
  }
  return moved
}

/** The longest side lies level. */
const turn = (places: ReadonlyArray<Place>): ReadonlyArray<Place> => {
  const mean = (of: (place: Place) => number) => places.reduce((sum, place) => sum + of(place), 0) / places.length
  const [x, y] = [mean((place) => place.x), mean((place) => place.y)]
  const across = mean((place) => (place.x - x) ** 2) - mean((place) => (place.y - y) ** 2)
  const angle = Math.atan2(2 * mean((place) => (place.x - x) * (place.y - y)), across) / 2
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  return places.map((place) => ({
    x: (place.x - x) * cos + (place.y - y) * sin,
    y: (place.y - y) * cos - (place.x - x) * sin
  }))
}

const boundsOf = (places: ReadonlyArray<Place>) => {
  const [xs, ys] = [places.map(({ x }) => x), places.map(({ y }) => y)]
  const [left, top] = [Math.min(...xs), Math.min(...ys)]
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top }
}

const blockOf = (nodes: ReadonlyArray<number>, links: ReadonlyArray<Link>): Block => {
  const numbers = new Map(nodes.map((node, i) => [node, i]))
  const bodies = simulate(
    nodes.length,
    links.flatMap(({ from, to }) => {
      const [a, b] = [numbers.get(from), numbers.get(to)]
      return a === undefined || b === undefined ? [] : [{ from: a, to: b }]
    })
  )
  const turned = turn(bodies)
  const box = boundsOf(turned)
  const isSmall = nodes.length < SPREAD_FROM
  const margin = isSmall ? SMALL_MARGIN : MARGIN
  const room = { x: WIDTH - 2 * margin, y: MAX_HEIGHT - 2 * margin }
  const scale = Math.min(isSmall ? 1 : MAX_SPREAD, room.x / Math.max(1, box.width), room.y / Math.max(1, box.height))
  const places = spread(turned.map(({ x, y }) => ({ x: x * scale, y: y * scale })))
  const { height, left, top, width } = boundsOf(places)
  return {
    nodes,
    places: places.map(({ x, y }) => ({ x: x - left + margin, y: y - top + margin })),
    width: Math.min(WIDTH, width + 2 * margin),
    height: height + 2 * margin
  }
}

/** Blocks in rows, each row centred. */
const rowsOf = (blocks: ReadonlyArray<Block>): ReadonlyArray<ReadonlyArray<Block>> => {
  const rows: Array<Array<Block>> = []
  let used = Number.POSITIVE_INFINITY
  for (const block of blocks) {
    if (used + block.width > WIDTH) {
      rows.push([])
      used = 0
    }
    rows.at(-1)?.push(block)
    used += block.width
  }
  return rows
}

/** Lays out so many nodes with these links between them. */
export const layOut = (count: number, links: ReadonlyArray<Link>): Layout => {
  const linked = new Set(links.flatMap(({ from, to }) => [from, to]))
  const components = componentsOf(count, links)
  const blocks = components.filter(([first = -1]) => linked.has(first)).map((nodes) => blockOf(nodes, links))
  const places = new Map<number, Place>()
  let height = 0
  for (const row of rowsOf(blocks)) {
    const tallest = Math.max(...row.map((block) => block.height))
    let x = (WIDTH - row.reduce((sum, { width }) => sum + width, 0)) / 2
    for (const block of row) {
      const y = height + (tallest - block.height) / 2
      block.nodes.forEach((node, i) => {
        const place = block.places[i]
        if (place !== undefined) places.set(node, { x: x + place.x, y: y + place.y })
      })
      x += block.width
    }
    height += tallest
  }
  const alone = Array.from({ length: count }, (_, i) => i).filter((i) => !places.has(i))
  const across = Math.floor((WIDTH - 2 * MARGIN) / GRID) + 1
  alone.forEach((node, i) => {
    const row = Math.floor(i / across)
    const inRow = Math.min(across, alone.length - row * across)
    places.set(node, { x: WIDTH / 2 + ((i % across) - (inRow - 1) / 2) * GRID, y: height + MARGIN + row * GRID })
  })
  const rows = Math.ceil(alone.length / across)
  return {
    places: Array.from({ length: count }, (_, i) => places.get(i) ?? { x: 0, y: 0 }),
    width: WIDTH,
    height: rows === 0 ? height : height + (rows - 1) * GRID + 2 * MARGIN
  }
}
