import * as os from "node:os"
import { describe, expect, it } from "vitest"
import {
  beatEvery,
  type Claim,
  EPOCHS_A_CLAIM,
  type Holder,
  isAbandoned,
  isOfClaim,
  makeClaim,
  verdict
} from "../../src/backend/Fence.ts"
import { OWNER } from "../../src/files/ownedFiles.ts"

const [host = "", boot = ""] = OWNER.split("-")
const owners = {
  "this process": OWNER,
  // The parent of the test's process lives; no process has such a number; nobody knows of another host.
  "a living process": `${host}-${boot}-${process.ppid}`,
  "a dead process": `${host}-${boot}-999999999`,
  "a process before the last boot": `${host}-00000000-${process.pid}`,
  "a process on another host": `00000000-${boot}-${process.pid}`
}
type Owner = keyof typeof owners

const claim = makeClaim("mine", 3, 1000)
const holder = (run: string, owner: Owner, age: number, dirty: boolean): Holder => ({
  ...makeClaim(run, 2, 1000),
  owner: owners[owner],
  age,
  dirty
})

const said = (one: Holder) => {
  const result = verdict("the store", one, claim)
  return typeof result === "string" ? result : result.reason
}

describe("the verdict on a fence that stands in the way", () => {
  // Of this run, clean or dirty; of another run, clean; of another run, dirty.
  it.each<readonly [Owner, number, readonly [string, string, string]]>([
    ["this process", 0, ["take-up", "locked", "locked"]],
    ["this process", 1001, ["take-up", "replace", "unfinished-run"]],
    ["a living process", 0, ["locked", "locked", "locked"]],
    ["a living process", 1000, ["locked", "locked", "locked"]],
    ["a living process", 1001, ["take-up", "replace", "unfinished-run"]],
    ["a dead process", 0, ["take-up", "replace", "unfinished-run"]],
    ["a dead process", 1001, ["take-up", "replace", "unfinished-run"]],
    ["a process before the last boot", 0, ["take-up", "replace", "unfinished-run"]],
    ["a process on another host", 0, ["locked", "locked", "locked"]],
    ["a process on another host", 1001, ["take-up", "replace", "unfinished-run"]]
  ])("of %s, %i ms after its sign of life", (owner, age, [mine, clean, dirty]) => {
    expect({
      mine: [false, true].map((one) => said(holder("mine", owner, age, one))),
      clean: said(holder("other", owner, age, false)),
      dirty: said(holder("other", owner, age, true))
    }).toEqual({ mine: [mine, mine], clean, dirty })
  })

  it("goes by the holder's lease, not by the claim's", () => {
    const patient = { ...holder("other", "a living process", 5000, false), lease: 10_000 }
    expect([isAbandoned(patient), isAbandoned({ ...patient, lease: 4000 })]).toEqual([false, true])
  })

  it("names who holds it, and what to run next", () => {
    const held = verdict("the store", holder("other", "a living process", 400, true), claim)
    expect(held).toMatchObject({
      _tag: "Refused",
      message: expect.stringMatching(
        new RegExp(`Run other is writing to the store: process ${process.ppid} on ${os.hostname()} .* 0 s ago`)
      )
    })
    const unfinished = verdict("the store", holder("other", "a dead process", 7000, true), claim)
    expect(unfinished).toMatchObject({
      message: expect.stringMatching(/run other.*7 s ago.*runs resume other.*runs rollback other", then/s)
    })
    const elsewhere = verdict("the store", { ...holder("other", "a dead process", 7000, true), host: "far" }, claim)
    expect(elsewhere).toMatchObject({ message: expect.stringContaining('runs rollback other", on far, then') })
  })
})

describe("a claim", () => {
  it("has epochs of its own, above all claims before it", () => {
    const earlier = makeClaim("mine", 2, 1000)
    const edges = (one: Claim) => [one.epoch - 1, one.epoch, one.epoch + EPOCHS_A_CLAIM - 1, one.epoch + EPOCHS_A_CLAIM]
    expect(edges(claim).map((epoch) => isOfClaim(claim, epoch))).toEqual([false, true, true, false])
    expect(edges(claim).map((epoch) => isOfClaim(earlier, epoch))).toEqual([true, false, false, false])
    expect(Number.isSafeInteger(makeClaim("mine", 1_000_000).epoch)).toBe(true)
  })

  it("gives several signs of life within a lease, and not too many", () => {
    expect([60_000, 1000, 100, 1].map(beatEvery)).toEqual([12_000, 200, 50, 50])
  })
})
