/**
 * What a document cannot hold or does not tell, counted while its records pass by. A document of another program's
 * format is never the whole graph: whoever reads or writes one says what it lacks.
 */

const SHOWN = 3
/** How many names are told apart; the records of further ones are counted together. */
const SHOWN_NAMES = 100

/** What became of a document that was written. */
export interface WrittenDocument {
  /** Sentences worth telling: what the format cannot hold, what other programs that read it will skip. */
  readonly warnings: ReadonlyArray<string>
  /** How many records are not in it at all. */
  readonly leftOut: number
}

/** Counts losses by what they are. */
export class Losses {
  /** How many records were left out as a whole. */
  leftOut = 0
  private readonly notes: Array<string> = []
  private readonly names = new Map<string, { readonly counts: Map<string, number>; others: number }>()
  private readonly counts = new Map<string, { total: number; readonly first: Array<string> }>()

  /** Says something of the document as a whole. */
  note(sentence: string): void {
    this.notes.push(sentence)
  }

  /** Counts a loss; `record` is the record that it befell. */
  add(what: string, record: string): void {
    let entry = this.counts.get(what)
    if (entry === undefined) this.counts.set(what, (entry = { total: 0, first: [] }))
    entry.total++
    if (entry.first.length < SHOWN && entry.first.at(-1) !== record) entry.first.push(record)
  }

  /** Counts a record that is left out as a whole. */
  leave(what: string, record: string): void {
    this.leftOut++
    this.add(`${what}, left out`, record)
  }

  /** What is told of a document with these losses. */
  finish(): WrittenDocument {
    return { warnings: this.sentences(), leftOut: this.leftOut }
  }

  /** Counts a loss that befalls properties, by the property's name. */
  addName(what: string, name: string): void {
    let entry = this.names.get(what)
    if (entry === undefined) this.names.set(what, (entry = { counts: new Map(), others: 0 }))
    const before = entry.counts.get(name)
    if (before === undefined && entry.counts.size >= SHOWN_NAMES) entry.others++
    else entry.counts.set(name, (before ?? 0) + 1)
  }

  /** One sentence each; empty where nothing is lost. */
  sentences(): ReadonlyArray<string> {
    return [
      ...this.notes,
      ...[...this.names].map(([what, { counts, others }]) => {
        const shown = [...counts].map(([name, total]) => `${name} ${total}`)
        return `${what}: ${shown.join(", ")}${others > 0 ? ` and others ${others}` : ""} record(s)`
      }),
      ...[...this.counts].map(([what, { first, total }]) => `${what}: ${total} record(s), first ${first.join(", ")}`)
    ]
  }
}
