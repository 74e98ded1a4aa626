/**
 * SIGKILL at swept points of real runs that remove (`clear`, `backup restore --replace`), then `runs resume` in one arm and
 * `runs rollback` in the other: the target must equal the full result, or its state before. Read by each engine's own client.
 */
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { StoreConfig } from "../../src/backend/StoreConfig.ts"
import { runBin } from "../cli/runBin.ts"
import { stores, type TestStore } from "../pairs/stores.ts"
import { tempFolder } from "../support/migrating.ts"
import * as killing from "./killing.ts"
import { before as backedUp, fill } from "./killing.ts"
import { points, random, SEED } from "./sweep.ts"

const SIZE = 200
const SHARE = 4
const FULL = 40

/** Milliseconds: a dozen processes one after the other, on a machine that may be busy. */
const PATIENT = 300_000

type Form = "clear" | "replace"
const FORMS: ReadonlyArray<Form> = ["clear", "replace"]

/** The backup that takes the place of what the store holds: most of it goes, some is overwritten, some is new. */
const makeBackup = async (): Promise<ReadonlyArray<string>> => {
  const from: StoreConfig = { kind: "sqlite", path: path.join(tempFolder(), "backed-up.db") }
  await fill(from, backedUp)
  const folder = path.join(tempFolder(), "backups")
  const { code, stdout, stderr } = await runBin(["backup", "create", from.path, "--output", folder, "--json"])
  if (code !== 0) throw new Error(stderr)
  const report: { readonly backup: { readonly id: string } } = JSON.parse(stdout)
  return ["backup", "restore", report.backup.id, "--output", folder]
}

describe.each(killing.KINDS)("a run that removes from %s and is killed", (kind) => {
  const { missing, start } = stores[kind]

  describe.skipIf(missing !== undefined)(missing ?? `seed ${SEED}`, () => {
    let store: TestStore
    let restore: ReadonlyArray<string> = []
    const expected = new Map<Form, { readonly before: unknown; readonly after: unknown; readonly events: number }>()

    const prepare = async (): Promise<StoreConfig> => {
      const config = await store.fresh("target")
      await fill(config, killing.incoming(SIZE))
      return config
    }
    const argsOf = (form: Form, config: StoreConfig): ReadonlyArray<string> => {
      const word = killing.wordOf(config)
      // The last part of where it is: a file, a graph, a server.
      const name = word.split("/").at(-1) ?? ""
      const args = form === "clear" ? ["clear", word, "--confirm", name] : [...restore, word, "--replace"]
      return [...args, "--yes", "--progress", "json"]
    }

    beforeAll(async () => {
      store = await start()
      restore = await makeBackup()
      for (const form of FORMS) {
        const config = await prepare()
        const before = await store.dump(config)
        const run = await killing.runAndKill(argsOf(form, config), path.join(tempFolder(), "state"), -1, 0)
        const after = await store.dump(config)
        if (!run.ended || JSON.stringify(after) === JSON.stringify(before))
          throw new Error(`the run that nobody kills did not end, or did nothing: ${run.last}`)
        expected.set(form, { before, after, events: run.events })
      }
    }, PATIENT)
    afterAll(() => store?.stop())

    it("leaves what it is to leave where nobody kills it", () => {
      expect(expected.get("clear")?.after).toEqual([])
    })

    const count = points(SHARE, FULL)
    const next = random(`kill removing ${kind}`)
    const sweep = Array.from({ length: count }, (_, i) => ({
      form: FORMS[Math.floor(i / 2) % 2] ?? "clear",
      action: i % 2 === 0 ? ("resume" as const) : ("rollback" as const),
      share: (i + next()) / count,
      delay: Math.floor(next() * 25)
    }))

    it.each(sweep)(
      "$action after $share of it, $form",
      async ({ action, delay, form, share }) => {
        const { after, before, events } = expected.get(form) ?? { after: [], before: [], events: 0 }
        const config = await prepare()
        const state = path.join(tempFolder(), "state")
        const killed = await killing.runAndKill(argsOf(form, config), state, Math.floor(share * events), delay)
        const where = `after ${killed.events} of ${events} events, last ${killed.last}`
        const [run] = await killing.runsOf(state)
        if (run === undefined) {
          expect(await store.dump(config), where).toEqual(before)
          return
        }
        const settled = await killing.settle(action, run.run, state)
        if (action === "resume" && run.status === "published") {
          expect(settled.code, where).toBe(9)
          expect(await store.dump(config), where).toEqual(after)
        } else {
          expect(settled.code, `${where}: ${run.status}: ${settled.stderr}`).toBe(0)
          expect(await store.dump(config), `${where}: ${run.status}`).toEqual(action === "resume" ? after : before)
        }
        expect(killing.leftoversOf(config)).toEqual([])
        const [left] = await killing.runsOf(state)
        expect(["published", "rolled-back", undefined]).toContain(left?.status)
      },
      PATIENT
    )
  })
})
