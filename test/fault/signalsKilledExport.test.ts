/** An export that is killed outright: nothing under its name, and the next one clears away what it left. */
import * as fs from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { runBin } from "../cli/runBin.ts"
import { copyOf, tempFolder } from "../support/migrating.ts"
import { makeSource } from "./migrationTargets.ts"
import { fireBin, newPlaces } from "./underFire.ts"

const source = makeSource({ nodes: 8000, relationships: 2000 })

describe("an export that is killed while it writes", () => {
  it.each(["graph.json", "graph.jsonl.gz"])(
    "leaves no %s, and a temporary file that the next one sweeps",
    async (name) => {
      const folder = tempFolder()
      const output = path.join(folder, name)
      const { child, ended, shows } = fireBin(["export", source, "--output", output], newPlaces())
      await shows(/"phase":"publish","state":"started"/)
      while (child.exitCode === null && fs.readdirSync(folder).length === 0) await sleep(1)
      child.kill("SIGKILL")
      expect((await ended).signal).toBe("SIGKILL")
      const left = fs.readdirSync(folder)
      expect(left).toHaveLength(1)
      expect(left[0]).toMatch(/^\.mg-.*\.tmp$/)
      const next = await runBin(["export", copyOf("python-small.db"), "--output", output])
      expect(next.code, next.stderr).toBe(0)
      expect(fs.readdirSync(folder)).toEqual([name])
    }
  )
})
