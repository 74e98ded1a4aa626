/** Backends that remove too much, too little, or what they were not to touch, and that do not bring it back. */
import * as Effect from "effect/Effect"
import type { SessionDriver } from "../../../src/backend/WriteSession.ts"
import { canonicalLine } from "../../../src/domain/Canonical.ts"
import { collect } from "../../../src/testing/compare.ts"
import { batches, type Broken, inDriver } from "./decorate.ts"

const EQUAL = "of equal relationships as many are removed as are named"
const NAMED = "what is named is removed, and nothing else"
const ATTACHED = "a node that has relationships is not removed"
const CHANGED = ["a node that has changed is not removed", "a relationship that has changed is not removed"]
const ONCE = "what a published run has removed is taken back, once"
const TURNED = "a published run that removed, created and replaced is taken back"
const TAKEN = "what somebody has made under a removed key stays and is reported"

const unseen = () => {
  const seen = new Set<string>()
  return (name: string) => !seen.has(name) && seen.add(name) !== undefined
}

type TakeBack = SessionDriver["takeBack"]

const takingBackAs = (change: (takeBack: TakeBack) => TakeBack) => (driver: SessionDriver) => ({
  ...driver,
  takeBack: change(driver.takeBack)
})

export const removing: ReadonlyArray<Broken> = [
  inDriver(
    "does not look at what is to be removed",
    [NAMED, EQUAL, "nodes go once their relationships are gone", "what is not there is not removed"],
    batches(({ create, overwrite }) => ({ create, overwrite }))
  ),
  inDriver(
    "removes one of several equal relationships",
    [EQUAL, "more equal relationships than there are are not removed"],
    batches((batch) => {
      const first = unseen()
      return { ...batch, remove: (batch.remove ?? []).filter((record) => first(canonicalLine(record))) }
    })
  ),
  inDriver("removes whatever stands under a key", CHANGED, (driver) => ({
    ...driver,
    write: (batch) =>
      Effect.gen(function* () {
        const asked = batch.remove ?? []
        const stored = yield* driver.lookup(asked)
        const remove = asked.map(
          (record) => stored.find((one) => record.key !== null && one.key === record.key) ?? record
        )
        yield* driver.write({ ...batch, remove })
      })
  })),
  inDriver("takes relationships along with their nodes", [ATTACHED], (driver) => ({
    ...driver,
    write: (batch) =>
      Effect.gen(function* () {
        const keys = new Set((batch.remove ?? []).flatMap((one) => (one._tag === "Node" ? [one.key] : [])))
        const stored = keys.size === 0 ? [] : yield* collect(driver.read)
        const attached = stored.filter((one) => one._tag === "Relationship" && (keys.has(one.from) || keys.has(one.to)))
        yield* driver.write({ create: [], overwrite: [], remove: attached })
        yield* driver.write(batch)
      })
  })),
  inDriver(
    "leaves out what it cannot remove",
    [...CHANGED, ATTACHED, "what is not there is not removed"],
    (driver) => ({
      ...driver,
      write: (batch) =>
        Effect.catchIf(
          driver.write(batch),
          (error) => error._tag === "WriteFailed" && error.reason === "store-changed",
          () =>
            Effect.forEach(
              batch.remove ?? [],
              (one) => Effect.exit(driver.write({ create: [], overwrite: [], remove: [one] })),
              { discard: true }
            )
        )
    })
  ),
  inDriver(
    "does not bring back what it has removed",
    [ONCE, TURNED],
    takingBackAs((takeBack) => (batch, part) => (part === "removed" ? Effect.succeed([]) : takeBack(batch, part)))
  ),
  inDriver(
    "brings equal relationships back each time it is asked",
    [ONCE],
    takingBackAs((takeBack) => {
      let calls = 0
      return (batch, part) => takeBack(part === "removed" ? { ...batch, number: -++calls } : batch, part)
    })
  ),
  inDriver(
    "does not say what could not come back",
    [TAKEN],
    takingBackAs(
      (takeBack) => (batch, part) => (part === "removed" ? Effect.as(takeBack(batch, part), []) : takeBack(batch, part))
    )
  ),
  inDriver("puts what it has removed in the place of what somebody has made since", [TAKEN], (driver) => ({
    ...driver,
    takeBack: (batch, part) =>
      Effect.gen(function* () {
        if (part !== "removed") return yield* driver.takeBack(batch, part)
        const stored = yield* Effect.orDie(driver.lookup(batch.removed))
        for (const after of batch.removed) {
          const before = stored.find((one) => after.key !== null && one.key === after.key)
          if (before !== undefined) yield* driver.write({ create: [], overwrite: [{ before, after }] })
        }
        return yield* driver.takeBack(batch, part)
      })
  }))
]
