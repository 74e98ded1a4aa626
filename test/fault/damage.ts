/** Damage to a document's bytes: what disks, transfers and editors do to files. The same for the same seed. */
import { random } from "./sweep.ts"

/** A damaged document. `line` is the damaged line, where the text is one of lines (not packed) and it is just one. */
export interface Damage {
  readonly what: string
  readonly bytes: Buffer
  readonly line: number | undefined
}

const LF = 0x0a
const isPacked = (whole: Buffer): boolean => whole[0] === 0x1f
const lineAt = (whole: Buffer, at: number): number => {
  let line = 1
  for (let i = whole.indexOf(LF); i >= 0 && i < at; i = whole.indexOf(LF, i + 1)) line++
  return line
}

/** Bytes that mean something in JSON, in lines, in UTF-8 and in gzip: more likely to be taken for something else. */
const TELLING = Buffer.from('"\\{}[]:,.-+eE019 \n\r\tnutf\u0000', "latin1")

/** Single bytes: a bit flipped, another byte, a byte inserted, a byte deleted; in turn, at places drawn at random. */
export const byteDamages = (name: string, whole: Buffer, count: number): ReadonlyArray<Damage> => {
  const next = random(`bytes of ${name}`)
  const below = (limit: number) => Math.floor(next() * limit)
  const anyByte = () => (next() < 0.5 ? below(256) : (TELLING[below(TELLING.length)] ?? 0))
  // One in four near an end: header, footer and gzip's own fields are short.
  const place = () => {
    const edge = Math.min(400, whole.length)
    if (next() < 0.75) return below(whole.length)
    return next() < 0.5 ? below(edge) : whole.length - 1 - below(edge)
  }
  return Array.from({ length: count }, (_, i) => {
    const at = place()
    const [head, old, tail] = [whole.subarray(0, at), whole[at] ?? 0, whole.subarray(at + 1)]
    const line = isPacked(whole) ? undefined : lineAt(whole, at)
    const damage = (what: string, ...middle: ReadonlyArray<number>): Damage => ({
      what: `${what} at byte ${at} (was ${old}, is ${middle.join(" ")})`,
      bytes: Buffer.concat([head, Buffer.from(middle), tail]),
      line
    })
    switch (i % 4) {
      case 0:
        return damage("a bit flipped", old ^ (1 << below(8)))
      case 1: {
        const other = anyByte()
        return damage("another byte", other === old ? (other + 1) % 256 : other)
      }
      case 2:
        return damage("a byte inserted", anyByte(), old)
      default:
        return damage("a byte deleted")
    }
  })
}

/** Broken off: at the ends, at and around line ends, inside of characters, anywhere. */
export const truncations = (name: string, whole: Buffer, count: number): ReadonlyArray<Damage> => {
  const next = random(`truncations of ${name}`)
  const below = (limit: number) => Math.floor(next() * limit)
  const lineEnds = Array.from(whole.keys()).filter((at) => whole[at] === LF)
  const inCharacters = Array.from(whole.keys()).filter((at) => ((whole[at] ?? 0) & 0xc0) === 0x80)
  const lengths = new Set([0, 1, 2, 3, 10, 18, whole.length - 1, whole.length - 2, whole.length - 4, whole.length - 8])
  for (let i = 0; lengths.size < count && i < count * 4; i++) {
    const end = lineEnds[below(lineEnds.length)] ?? 0
    const inside = inCharacters[below(inCharacters.length)] ?? 0
    lengths.add([end, end + 1, end - 1, inside, below(whole.length), whole.length - 1 - below(300)][i % 6] ?? 0)
  }
  return [...lengths]
    .filter((length) => length >= 0 && length < whole.length)
    .map((length) => ({ what: `broken off at byte ${length}`, bytes: whole.subarray(0, length), line: undefined }))
}

/** Lines of a text swapped (neighbours and far ones), doubled (there, at the end, the whole text) and dropped. */
export const lineDamages = (name: string, whole: Buffer, count: number): ReadonlyArray<Damage> => {
  const next = random(`lines of ${name}`)
  const lines = whole.toString("latin1").split("\n").slice(0, -1)
  const below = (limit: number) => Math.floor(next() * limit)
  // One in three among the first and the last lines: header, brackets and footer.
  const place = () => {
    const edge = Math.min(8, lines.length)
    if (next() < 0.67) return below(lines.length)
    return next() < 0.5 ? below(edge) : lines.length - 1 - below(edge)
  }
  const text = (what: string, parts: ReadonlyArray<string>): Damage => ({
    what,
    bytes: Buffer.from(parts.map((part) => `${part}\n`).join(""), "latin1"),
    line: undefined
  })
  const swapped = (a: number, b: number) => lines.with(a, lines[b] ?? "").with(b, lines[a] ?? "")
  return Array.from({ length: count }, (_, i) => {
    const at = place()
    const line = lines[at] ?? ""
    const other = i % 2 === 0 ? Math.min(at + 1, lines.length - 1) : place()
    switch (i % 6) {
      case 0:
      case 1:
        return text(`lines ${at + 1} and ${other + 1} swapped`, swapped(at, other))
      case 2:
        return text(`line ${at + 1} doubled`, lines.toSpliced(at, 0, line))
      case 3:
        return text(`line ${at + 1} once more before line ${other + 1}`, lines.toSpliced(other, 0, line))
      case 4:
        return text(`line ${at + 1} dropped`, lines.toSpliced(at, 1))
      default:
        return next() < 0.2
          ? text("the whole document twice", [...lines, ...lines])
          : text(`lines ${at + 1} to ${at + 3} dropped`, lines.toSpliced(at, 3))
    }
  })
}
