/**
 * SIGKILL at swept points of a real run, then `runs resume` in one arm and `runs rollback` in the other: the target must
 * equal the full result, or its state before. Read by each engine's own client.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { stores, type TestStore } from "../pairs/stores.ts"
import { tempFolder } from "../support/migrating.ts"
import * as killing from "./killing.ts"
import { points, random, SEED } from "./sweep.ts"

const SIZE = 1500
const SHARE = 4
const FULL = 50

/** Every other point begins with a store that holds data. */
type Form = "in use" | "new"
const FORMS: ReadonlyArray<Form> = ["in use", "new"]

const document = killing.writeDocument(killing.incoming(SIZE))

describe.each(killing.KINDS)("a run into %s that is killed", (kind) => {
  const { missing, start } = stores[kind]

  describe.skipIf(missing !== undefined)(missing ?? `seed ${SEED}`, () => {
    let store: TestStore
    const expected = new Map<Form, { readonly before: unknown; readonly after: unknown; readonly events: number }>()

    const prepare = async (form: Form): Promise<StoreConfig> => {
      const config = await store.fresh("target")
      if (form === "new") return config
      await killing.fill(config, killing.before)
      return config
    }
    const dumpOf = async (config: StoreConfig) =>
      "path" in config && !fs.existsSync(config.path) ? [] : await store.dump(config)

    beforeAll(async () => {
      store = await start()
      for (const form of FORMS) {
        const config = await prepare(form)
        const before = form === "new" ? [] : await dumpOf(config)
        const run = await killing.runAndKill(killing.argsOf(document, config), path.join(tempFolder(), "state"), -1, 0)
        if (!run.ended) throw new Error("the run that nobody kills did not end")
        expected.set(form, { before, after: await dumpOf(config), events: run.events })
      }
    })
    afterAll(() => store?.stop())

    const count = points(SHARE, FULL)
    const next = random(`kill ${kind}`)
    const sweep = Array.from({ length: count }, (_, i) => ({
      form: FORMS[Math.floor(i / 2) % 2] ?? "new",
      action: i % 2 === 0 ? ("resume" as const) : ("rollback" as const),
      // Spread over the whole run, with a little chance.
      share: (i + next()) / count,
      delay: Math.floor(next() * 25)
    }))

    it.each(sweep)("$action after $share of it, $form", async ({ action, delay, form, share }) => {
      const { after, before, events } = expected.get(form) ?? { after: [], before: [], events: 0 }
      const config = await prepare(form)
      const state = path.join(tempFolder(), "state")
      const killed = await killing.runAndKill(
        killing.argsOf(document, config),
        state,
        Math.floor(share * events),
        delay
      )
      const where = `after ${killed.events} of ${events} events, last ${killed.last}`
      const [run] = await killing.runsOf(state)
      if (run === undefined) {
        // It was killed before it knew itself, or had ended without a trace.
        expect(await dumpOf(config), where).toEqual(before)
        return
      }
      const settled = await killing.settle(action, run.run, state)
      if (action === "resume" && run.status === "published") {
        expect(settled.code, where).toBe(9)
        expect(await dumpOf(config), where).toEqual(after)
      } else {
        expect(settled.code, `${where}: ${run.status}: ${settled.stderr}`).toBe(0)
        expect(await dumpOf(config), `${where}: ${run.status}`).toEqual(action === "resume" ? after : before)
      }
      expect(killing.leftoversOf(config)).toEqual([])
      const [left] = await killing.runsOf(state)
      expect(["published", "rolled-back", undefined]).toContain(left?.status)
    })
  })
})
