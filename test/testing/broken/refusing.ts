/** Backends that do the wrong thing with a batch that is refused. */
import * as Effect from "effect/Effect"
import { WriteFailed } from "../../../src/domain/Errors.ts"
import { type Broken, inBackend, inDriver } from "./decorate.ts"

const NODE = "a refused batch leaves nothing, and the session goes on: node"
const RELATIONSHIP = "a refused batch leaves nothing, and the session goes on: relationship"

export const refusing: ReadonlyArray<Broken> = [
  inDriver("writes record by record, as far as it comes", [NODE, RELATIONSHIP], (driver) => ({
    ...driver,
    write: (batch) =>
      Effect.forEach(
        [
          ...batch.overwrite.map((one) => ({ create: [], overwrite: [one] })),
          ...batch.create.map((one) => ({ create: [one], overwrite: [] }))
        ],
        (one) => driver.write(one),
        { discard: true }
      )
  })),
  inDriver("takes nothing more after a refused batch", [NODE, RELATIONSHIP], (driver) => {
    let failed: WriteFailed | undefined
    return {
      ...driver,
      write: (batch) =>
        Effect.suspend(() => failed ?? driver.write(batch)).pipe(
          Effect.tapErrorTag("WriteFailed", (error) =>
            Effect.sync(() => {
              failed = new WriteFailed({
                backend: error.backend,
                location: error.location,
                phase: error.phase,
                reason: "driver",
                message: error.message
              })
            })
          )
        )
    }
  }),
  inDriver("passes over what is refused", [NODE, RELATIONSHIP], (driver) => ({
    ...driver,
    write: (batch) => Effect.catchTag(driver.write(batch), "WriteFailed", () => Effect.void)
  })),
  inBackend("keeps a refused batch in its journal", [NODE, RELATIONSHIP], (backend) => ({
    ...backend,
    openSession: (options) =>
      backend.openSession({ ...options, journal: { ...options.journal, withdraw: () => Effect.void } })
  })),
  inDriver(
    "keeps what it has written when a batch was refused",
    ["undo after a refused batch leaves everything as it was"],
    (driver) => {
      let isRefused = false
      return {
        ...driver,
        write: (batch) =>
          Effect.tapErrorTag(driver.write(batch), "WriteFailed", () =>
            Effect.sync(() => {
              isRefused = true
            })
          ),
        undo: Effect.suspend(() => (isRefused ? Effect.as(Effect.orDie(driver.publish), []) : driver.undo))
      }
    }
  )
]
