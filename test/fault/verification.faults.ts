/** What can befall the reading of a verification, at a chunk that is named by its number. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type ReadError, SourceDataInvalid, StoreUnavailable } from "../../src/domain/Errors.ts"
import type { GraphRecord } from "../../src/domain/Graph.ts"

/** At a chunk (or look-up); `...for ever`: at every one from there on. */
export const FAULTS = [
  "it is interrupted and hangs",
  "it is interrupted and answers",
  "it fails",
  "it cannot be decoded",
  "it has a defect",
  "nothing more comes",
  "it comes twice",
  "it does not come",
  "it lacks a record",
  "a record comes twice in place of another"
] as const
export type Fault = (typeof FAULTS)[number]

type Read<A> = Effect.Effect<A, ReadError>
type Records = ReadonlyArray<GraphRecord>

/** Strikes once, at the chunk of that number, or there and in every reading after it. */
export class Striker {
  /** How many chunks and look-ups there were. */
  count = 0
  struck = false
  private readonly fault: Fault | undefined
  private readonly at: number
  private readonly again: boolean
  private readonly interrupt: () => void

  constructor(options: {
    readonly fault?: Fault
    readonly at?: number
    readonly again?: boolean
    readonly interrupt?: () => void
  }) {
    this.fault = options.fault
    this.at = options.at ?? 0
    this.again = options.again ?? false
    this.interrupt = options.interrupt ?? (() => {})
  }

  private strikes(at: number): boolean {
    if (this.fault === undefined || at !== this.at || (this.struck && !this.again)) return false
    this.struck = true
    return true
  }

  private strike(records: Records): Read<Records> {
    switch (this.fault) {
      case "it is interrupted and hangs":
        return Effect.zipRight(Effect.sync(this.interrupt), Effect.never)
      case "it is interrupted and answers":
        return Effect.as(Effect.sync(this.interrupt), records)
      case "it fails":
        return Effect.fail(
          new StoreUnavailable({ backend: "memory", location: "target", reason: "went-away", message: "It went away." })
        )
      case "it cannot be decoded":
        return Effect.fail(
          new SourceDataInvalid({
            backend: "memory",
            location: "target",
            reason: "undecodable",
            keys: { first: [records[0]?.key ?? ""], total: 1 },
            message: "It cannot be decoded."
          })
        )
      case "it has a defect":
        return Effect.die(new Error("a defect"))
      case "it comes twice":
        return Effect.succeed([...records, ...records])
      case "it lacks a record":
        return Effect.succeed(records.slice(1))
      case "a record comes twice in place of another":
        return Effect.succeed([...records.slice(1), ...records.slice(-1)])
      default:
        return Effect.succeed([])
    }
  }

  /** A reading, with the fault. Each of its chunks counts. */
  stream(inner: Stream.Stream<GraphRecord, ReadError>): Stream.Stream<GraphRecord, ReadError> {
    return Stream.suspend(() => {
      let chunk = 0
      let ended = false
      return inner.pipe(
        Stream.mapChunksEffect((records) => {
          chunk++
          this.count++
          if (ended) return Effect.succeed(Chunk.empty())
          if (!this.strikes(this.again ? chunk : this.count)) return Effect.succeed(records)
          ended = this.fault === "nothing more comes"
          return Effect.map(this.strike(Chunk.toReadonlyArray(records)), Chunk.unsafeFromArray)
        })
      )
    })
  }

  /** A look-up, with the fault. */
  lookup(inner: Read<Records>): Read<Records> {
    return Effect.flatMap(inner, (records) =>
      this.strikes(++this.count) ? this.strike(records) : Effect.succeed(records)
    )
  }
}
