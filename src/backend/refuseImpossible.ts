/** Keeps records that a store cannot hold without change from being written into it. */
import { WriteFailed } from "../domain/Errors.ts"
import { describe } from "../domain/Graph.ts"
import type { SessionDriver, WriteBatch } from "./WriteSession.ts"

/** The failure for the first such record of a batch: written all the same, it would be there changed. */
export const refuseImpossible = (driver: SessionDriver, batch: WriteBatch): WriteFailed | undefined => {
  const { fit } = driver
  if (fit === undefined) return undefined
  // What is removed must be able to come back.
  for (const record of [...batch.create, ...batch.overwrite.map(({ after }) => after), ...(batch.remove ?? [])]) {
    const misfit = fit(record).find(({ level }) => level === "impossible")
    if (misfit === undefined) continue
    return new WriteFailed({
      backend: driver.backend,
      location: driver.location,
      phase: "import",
      reason: "refused-record",
      message: `${driver.location} cannot hold ${describe(record)} without change: ${misfit.kind}. Nothing of this batch was written.`
    })
  }
  return undefined
}
