/** The tarball in the eyes of the tools that know what consumers stumble over. */
import { execFile } from "node:child_process"
import * as path from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { packed } from "./packed.ts"

const BIN = path.join(new URL("../..", import.meta.url).pathname, "node_modules", ".bin")
const exec = promisify(execFile)

describe("the tarball", () => {
  it("is clean to publint", async () => {
    const { tarball } = await packed()
    expect((await exec(path.join(BIN, "publint"), ["run", tarball, "--strict"])).stdout).toContain("All good!")
  }, 300_000)

  it("has types that are not wrong, as a package of modules", async () => {
    const { tarball } = await packed()
    // It ends with an error where there is a problem.
    const { stdout } = await exec(path.join(BIN, "attw"), [tarball, "--profile", "esm-only", "--format", "ascii"])
    for (const entry of ["memorygraph-migrate", "memorygraph-migrate/testing"]) expect(stdout).toContain(`"${entry}"`)
  }, 300_000)
})
