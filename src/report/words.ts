/** Numbers and times as people read them. */

/** A count in groups: `300,000`. */
export const count = (value: number): string => value.toLocaleString("en-US")

/** A time for people: `0.42 s`, `12.3 s`, `2 min 05 s`. */
export const duration = (seconds: number): string => {
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const two = (part: number) => String(part).padStart(2, "0")
  return hours > 0 ? `${hours} h ${two(minutes)} min` : `${minutes} min ${two(whole % 60)} s`
}

/** Records a second, rounded; undefined where nothing can be said. */
export const rate = (records: number, seconds: number): number | undefined =>
  records > 0 && seconds > 0.05 ? Math.round(records / seconds) : undefined

/** A count with its word: `1 node`, `2 nodes`. */
export const plural = (number: number, word: string): string => `${count(number)} ${word}${number === 1 ? "" : "s"}`

/** How much a graph holds, in words. */
export const graphSize = (stats: { readonly nodes: number; readonly relationships: number }): string =>
  `${plural(stats.nodes, "node")} and ${plural(stats.relationships, "relationship")}`
