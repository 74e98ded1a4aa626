/**
 * What a run that is taken up again has done already. The journal says what it meant to do, the target what is there:
 * only both together decide, never an offset.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Scope from "effect/Scope"
import type { Journal } from "../backend/Journal.ts"
import { canonicalLine } from "../domain/Canonical.ts"
import type { FileFailed } from "../domain/Errors.ts"
import { lineHash, recordHash } from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { KeyCounter } from "./KeyCounter.ts"

/** The lines of a record that was replaced. */
interface Replaced {
  readonly before: string
  readonly after: string
}

const named = (tag: GraphRecord["_tag"], key: string): string => (tag === "Node" ? "n" : "r") + key

const removalOf = (record: GraphRecord): string => record._tag + recordHash(record)

/** The journal's batches, to be asked by record. */
export class EarlierWork {
  private readonly keys = new KeyCounter()
  private readonly lines = new KeyCounter()
  private readonly removals = new KeyCounter()
  private readonly images = new Map<string, Replaced>()
  /** True where there is nothing of it. */
  isEmpty = true

  /** Notes a record that was created. */
  addCreated(tag: GraphRecord["_tag"], key: string | null, hash: Buffer): void {
    this.isEmpty = false
    if (key === null) this.lines.add(hash.toString("hex"))
    else this.keys.add(named(tag, key))
  }

  /** Notes a record that was replaced; batches come latest first, and the first state before is the one that counts. */
  addReplaced(before: GraphRecord, after: GraphRecord): void {
    this.isEmpty = false
    const name = named(before._tag, before.key ?? "")
    this.images.set(name, {
      before: canonicalLine(before),
      after: this.images.get(name)?.after ?? canonicalLine(after)
    })
  }

  /** Notes a record that was removed. */
  addRemoved(record: GraphRecord): void {
    this.isEmpty = false
    this.removals.add(removalOf(record))
  }

  /** How often the run removed that record: of those without a key, how many with its line. */
  removed(record: GraphRecord): number {
    return this.isEmpty ? 0 : this.removals.get(removalOf(record))
  }

  /** True where this run created the record with that key. */
  created(tag: GraphRecord["_tag"], key: string): boolean {
    return this.keys.get(named(tag, key)) > 0
  }

  /** How many records without a key and with this very line the run created. */
  createdLines(line: string): number {
    return this.isEmpty ? 0 : this.lines.get(lineHash(line).toString("hex"))
  }

  /** What the run replaced under that key. */
  replaced(tag: GraphRecord["_tag"], key: string): Replaced | undefined {
    return this.images.get(named(tag, key))
  }

  close(): void {
    this.keys.close()
    this.lines.close()
    this.removals.close()
  }
}

/** Reads what the run's journal holds; freed with the scope. */
export const read = (journal: Journal): Effect.Effect<EarlierWork, FileFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const earlier = yield* Effect.acquireRelease(
      Effect.sync(() => new EarlierWork()),
      (open) => Effect.sync(() => open.close())
    )
    yield* Stream.runForEach(journal.batches, ({ created, overwritten, removed }) =>
      Effect.sync(() => {
        for (const { hash, key, tag } of created) earlier.addCreated(tag, key, hash)
        for (const { after, before } of overwritten) earlier.addReplaced(before, after)
        for (const record of removed) earlier.addRemoved(record)
      })
    )
    return earlier
  })
