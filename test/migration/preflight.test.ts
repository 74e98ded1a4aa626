import * as fs from "node:fs"
import * as path from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { DocumentInvalid } from "../../src/domain/Errors.ts"
import { failedReport } from "../../src/migration/outcome.ts"
import { checkSpace } from "../../src/migration/preflight.ts"
import { Recorder } from "../../src/migration/Run.ts"
import { tempFolder } from "../support/migrating.ts"

it("folders on one disk share what is free there", async () => {
  const [stateFolder, folder] = [path.join(tempFolder(), "state"), tempFolder()]
  const { bavail, bsize } = fs.statfsSync(folder)
  // Each need is about two thirds of what is free, and both are too much.
  const options = { stateFolder, records: 1, sourceBytes: Math.floor((bavail * bsize) / 3) }
  const target = { version: "", writable: true, notes: [], folder }
  const alone = await Effect.runPromise(checkSpace({ ...options, target: undefined }))
  expect(alone).toHaveLength(1)
  const both = await Effect.runPromise(Effect.flip(checkSpace({ ...options, target })))
  expect(both).toMatchObject({ _tag: "Refused", reason: "no-space" })
  const little = await Effect.runPromise(checkSpace({ ...options, sourceBytes: 1, target }))
  expect(little.map((space) => space.folder)).toEqual([stateFolder, folder])
})

it("whatever ends a run once writing has begun, it was undone and not refused", () => {
  const error = new DocumentInvalid({ path: "spool.jsonl", reason: "digest", message: "The spool was changed." })
  const recorder = new Recorder({ run: "20261130T000000-000000", command: "migrate" })
  expect(failedReport(recorder, Cause.fail(error))).toMatchObject({ outcome: "refused", exitCode: 4 })
  recorder.rollback = { outcome: "undone", left: [] }
  expect(failedReport(recorder, Cause.fail(error))).toMatchObject({
    outcome: "undone",
    exitCode: 5,
    error: { tag: "DocumentInvalid" }
  })
})
