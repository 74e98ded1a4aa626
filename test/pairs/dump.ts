/**
 * A graph as sorted text, made from what an engine's own client returns. FalkorDB's raw replies print floats with 15
 * digits and lists as text, so that all are brought to that form; exactness is what the fingerprints are for.
 */

/** One line a record: labels (or ends and type), then the properties by name. */
export type Dump = ReadonlyArray<string>

/** What a property looks like in FalkorDB's raw replies. */
export const text = (value: unknown): string => {
  if (typeof value === "object" && value !== null && "float" in value && "number" in value) return number(value.number)
  if (typeof value === "number" || typeof value === "bigint") return number(value)
  if (Array.isArray(value)) return `[${value.map(text).join(", ")}]`
  return String(value)
}

const number = (value: unknown): string => {
  if (typeof value === "bigint") return String(value)
  const [mantissa = "0", exponent = "0"] = Number(value).toExponential(14).split("e")
  const digits = mantissa.replace(/\.?0+$/, "")
  const power = Number(exponent)
  if (power < -4 || power >= 15) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`
  const fixed = Number(value).toFixed(14 - power)
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed
}

/** A record as a line; what the product keeps for itself must not be there for a graph that every store holds. */
export const record = (head: ReadonlyArray<string>, properties: { readonly [name: string]: unknown }): string =>
  JSON.stringify([
    head,
    Object.entries(properties)
      .map(([name, value]) => [name, text(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  ])
