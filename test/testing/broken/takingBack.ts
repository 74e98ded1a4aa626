/** Backends that take a published run back wrongly. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { JournalBatch } from "../../../src/backend/Journal.ts"
import type { SessionDriver } from "../../../src/backend/WriteSession.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import { lineHash } from "../../../src/domain/Fingerprint.ts"
import type { GraphRecord } from "../../../src/domain/Graph.ts"
import { type Broken, inDriver } from "./decorate.ts"

const ALL = ["a published run is taken back (new store)", "a published run is taken back (store in use)"]
const CHANGED = "what somebody has changed since stays and is reported"
const ATTACHED = "a node that somebody has attached to stays"
const EQUAL = "only as many equal relationships are taken back as were created"
const TWICE = "taking back twice is taking back once"

type TakeBack = SessionDriver["takeBack"]

const takingBackAs = (change: (takeBack: TakeBack, driver: SessionDriver) => TakeBack) => (driver: SessionDriver) => ({
  ...driver,
  takeBack: change(driver.takeBack, driver)
})

const all = (driver: SessionDriver) =>
  Effect.map(Stream.runCollect(driver.read), (records) => Chunk.toReadonlyArray(records))

const hashOf = (record: GraphRecord) => lineHash(canonicalLine(record))

/** The batch as if it had written what stands there now. */
const asItStands = (batch: JournalBatch, stored: ReadonlyArray<GraphRecord>): JournalBatch => {
  const find = (tag: GraphRecord["_tag"], key: string | null) =>
    stored.find((one) => one._tag === tag && one.key !== null && one.key === key)
  return {
    ...batch,
    created: batch.created.map((one) => {
      const now = find(one.tag, one.key)
      return now === undefined ? one : { ...one, hash: hashOf(now) }
    }),
    overwritten: batch.overwritten.map(({ after, before }) => ({
      before,
      after: find(after._tag, after.key) ?? after
    }))
  }
}

export const takingBack: ReadonlyArray<Broken> = [
  inDriver(
    "takes nothing back",
    [...ALL, "what was overwritten again is taken back", EQUAL],
    takingBackAs(() => () => Effect.succeed([]))
  ),
  inDriver(
    "takes back what it has created alone",
    ["a published run is taken back (store in use)", "what was overwritten again is taken back"],
    takingBackAs((takeBack) => (batch, part) => (part === "overwritten" ? Effect.succeed([]) : takeBack(batch, part)))
  ),
  inDriver(
    "takes back relationships with a key alone",
    [...ALL, EQUAL],
    takingBackAs(
      (takeBack) => (batch, part) =>
        takeBack({ ...batch, created: batch.created.filter(({ key }) => key !== null) }, part)
    )
  ),
  inDriver(
    "takes back whatever stands there now",
    [CHANGED],
    takingBackAs(
      (takeBack, driver) => (batch, part) =>
        Effect.flatMap(Effect.orDie(all(driver)), (stored) => takeBack(asItStands(batch, stored), part))
    )
  ),
  inDriver(
    "does not say what had to stay",
    [CHANGED, ATTACHED],
    takingBackAs((takeBack) => (batch, part) => Effect.as(takeBack(batch, part), []))
  ),
  inDriver(
    "takes away what somebody has attached to its nodes",
    [ATTACHED],
    takingBackAs(
      (takeBack, driver) => (batch, part) =>
        Effect.gen(function* () {
          const keys = new Set(batch.created.map(({ key, tag }) => (tag === "Node" ? key : null)))
          const attached = (yield* all(driver)).filter(
            (one) => part === "Node" && one._tag === "Relationship" && (keys.has(one.from) || keys.has(one.to))
          )
          const created = attached.map((one) => ({ ...one, tag: one._tag, hash: hashOf(one) }))
          if (created.length > 0) yield* takeBack({ ...batch, number: -batch.number, created }, "Relationship")
          return yield* takeBack(batch, part)
        })
    )
  ),
  inDriver(
    "takes equal relationships back each time it is asked",
    [EQUAL],
    takingBackAs((takeBack) => {
      let calls = 0
      return (batch, part) => takeBack({ ...batch, number: ++calls }, part)
    })
  ),
  inDriver(
    "reports what is gone",
    [TWICE],
    takingBackAs((takeBack) => {
      const done = new Set<string>()
      return (batch, part) => {
        const name = `${batch.number} ${part}`
        const again = done.has(name)
        done.add(name)
        return again ? Effect.succeed([{ what: name, why: "it is gone" }]) : takeBack(batch, part)
      }
    })
  ),
  inDriver(
    "publishes when it is to undo what it has taken back",
    ["a session that takes back and is undone does nothing by halves"],
    (driver) => {
      let isTakingBack = false
      return {
        ...driver,
        takeBack: (batch, part) =>
          Effect.suspend(() => {
            isTakingBack = true
            return driver.takeBack(batch, part)
          }),
        undo: Effect.suspend(() => (isTakingBack ? Effect.as(Effect.orDie(driver.publish), []) : driver.undo))
      }
    }
  )
]
