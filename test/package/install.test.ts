/** The packed tarball in an empty project: what it brings, and that its command works there. */
import * as fs from "node:fs"
import * as path from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { fixture, tempFolder } from "../support/migrating.ts"
import { type Consumer, packed } from "./packed.ts"

let consumer: Consumer
beforeAll(async () => {
  consumer = await packed()
}, 300_000)

describe("the installed command", () => {
  it("moves a store, and finds the same fingerprint on both sides", async () => {
    const folder = tempFolder()
    const from = path.join(folder, "from.db")
    fs.copyFileSync(fixture("python-small.db"), from)
    const moved = await consumer.run(["migrate", from, path.join(folder, "to.db"), "--yes"])
    expect(moved.output).toContain("mg1:")
    expect(moved.code).toBe(0)
    expect((await consumer.run(["verify", from, path.join(folder, "to.db")])).code).toBe(0)
  })
})
