/** One blow at one moment of a migration, and what must be true after it. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { stripVTControlCharacters } from "node:util"
import { expect } from "vitest"
import { runBin } from "../cli/runBin.ts"
import type { Target } from "./migrationTargets.ts"
import { fireBin, fireInTerminal, newPlaces, processesOf, runsIn } from "./underFire.ts"

const noTerminal =
  spawnSync("script", ["--version"]).status === 0
    ? undefined
    : "not run: no `script` here (util-linux) to make a terminal"

/** Why a blow cannot be given here; undefined where it can. */
export const cannot = (blow: Moment["blow"]): string | undefined => (blow.includes("terminal") ? noTerminal : undefined)

/** The ways a run is asked to stop. */
export const BLOWS = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "a doubled SIGINT",
  "Ctrl-C in its terminal",
  "a closed terminal"
] as const
/** The phases that it happens in. */
export const PHASES = ["export", "plan", "import", "verify", "publish"] as const

export interface Moment {
  readonly phase: (typeof PHASES)[number]
  readonly blow: (typeof BLOWS)[number]
  /** Milliseconds into the phase. */
  readonly delay: number
}

/** How the progress of a run shows that a phase has begun. Publishing begins where the verification ends. */
export const begins = (phase: Moment["phase"]): RegExp =>
  phase === "publish" ? /"phase":"verify","state":"ended"/ : new RegExp(`"phase":"${phase}","state":"started"`)

/** What a target holds after a whole run, found out once for each kind of target. */
export const completeRun = (source: string, make: () => Promise<Target>): (() => Promise<string>) => {
  let complete: Promise<string> | undefined
  const find = async () => {
    const target = await make()
    const { code, stderr } = await runBin(["migrate", source, ...target.words, "--quiet"])
    expect(code, stderr).toBe(0)
    return target.records()
  }
  return () => (complete ??= find())
}

const hit = async (args: ReadonlyArray<string>, { blow, delay, phase }: Moment) => {
  const places = newPlaces()
  if (blow === "a closed terminal" || blow === "Ctrl-C in its terminal") {
    const fired = fireInTerminal(args, places)
    await fired.shows(begins(phase))
    await sleep(delay)
    if (blow === "a closed terminal") {
      fired.hangUp()
      return { places, code: await fired.code(), said: undefined }
    }
    // The terminal sends it to every process in its foreground: engines, too.
    fired.child.stdin?.write("\u0003")
    const { stdout } = await fired.ended
    return { places, code: await fired.code(), said: stripVTControlCharacters(stdout).replaceAll("\r\n", "\n") }
  }
  const fired = fireBin(args, places)
  await fired.shows(begins(phase))
  await sleep(delay)
  const signal = blow === "a doubled SIGINT" ? "SIGINT" : blow
  fired.child.kill(signal)
  if (blow === "a doubled SIGINT") {
    await sleep(30)
    fired.child.kill(signal)
  }
  const { code, stderr } = await fired.ended
  return { places, code, said: stderr }
}

/**
 * Hits a migration and checks: all is as it was, and nothing is left; or, where the signal came when it was published
 * already, all is there, and the run is kept. The exit code and the last sentence say which.
 */
export const strike = async (
  source: string,
  target: Target,
  complete: () => Promise<string>,
  moment: Moment
): Promise<void> => {
  const before = await target.untouched()
  const { code, places, said } = await hit(["migrate", source, ...target.words], moment)
  const isUntouched = (await target.untouched()) === before
  const runs = runsIn(places)

  // A verification may be over before the blow is felt.
  if (moment.phase !== "verify" && moment.phase !== "publish") expect(isUntouched, said).toBe(true)
  if (isUntouched) {
    expect(code, said).toBe(130)
    if (said !== undefined) {
      // A terminal shows the key before it.
      expect(said).toMatch(/^(\^C)?(Interrupted|Ended by SIG\w+): undoing what was begun/m)
      expect(said.trimEnd().split("\n").at(-1)).toMatch(/^error: Interrupted\. .* is (untouched|as it was before)\.$/)
    }
    expect(runs).toEqual([])
  } else {
    expect(await target.records()).toBe(await complete())
    // Too late to be heard, or heard while it was being published.
    expect(code, said).toBe(0)
    if (said?.includes("undoing what was begun") === true)
      expect(said).toMatch(/^The interruption came too late: the run had been published already\.$/m)
    expect(runs).toHaveLength(1)
    const kept = fs.readdirSync(path.join(places.state, "runs", runs[0] ?? ""))
    expect(kept).toEqual(expect.arrayContaining(["journal.db", "report.json"]))
    expect(kept).not.toContain("spool.jsonl")
  }
  checkNothingLeft(target, places.temporary)
}

/** No temporary file and no process of a run is there any more. */
export const checkNothingLeft = (target: Target, temporary: string): void => {
  expect(fs.readdirSync(temporary)).toEqual([])
  const { folder } = target
  if (folder !== undefined) {
    for (const name of fs.readdirSync(folder)) expect(name).not.toMatch(/^\.|-(journal|wal|shm)$/)
  }
  expect(processesOf(folder === undefined ? [temporary] : [temporary, folder])).toEqual([])
}
