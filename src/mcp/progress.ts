/** From the phases of a run to what a client is shown: one number that only grows, and a sentence. */
import { count } from "../report/words.ts"
import { type Phase, PHASE_TITLES, type ProgressEvent } from "../migration/Progress.ts"

/** Where a run stands. `total` is null where it is not known. */
export interface Position {
  readonly phase: Phase
  readonly done: number
  readonly total: number | null
  /** Seconds since the phase began. */
  readonly seconds: number
  /** Records a second in this phase; null where nothing can be said yet. */
  readonly per_second: number | null
}

/** About how much of a run's time a phase takes. */
const WEIGHTS: { readonly [P in Phase]: number } = {
  preflight: 2,
  export: 20,
  validate: 5,
  plan: 13,
  remove: 0,
  import: 35,
  verify: 20,
  publish: 4,
  undo: 0,
  cleanup: 1
}
const PHASES = Object.entries(WEIGHTS)
const ALL = PHASES.reduce((sum, [, weight]) => sum + weight, 0)

/** Of a phase whose total is not known, half is done after so many records. */
const HALF = 10_000

/** How far a run is, from 0 to 1. */
export const share = ({ done, phase, total }: Pick<Position, "phase" | "done" | "total">): number => {
  const at = PHASES.findIndex(([name]) => name === phase)
  const before = PHASES.slice(0, at).reduce((sum, [, weight]) => sum + weight, 0)
  const within = total === null ? done / (done + HALF) : total === 0 ? 0 : Math.min(1, done / total)
  return (before + WEIGHTS[phase] * within) / ALL
}

/** The position as a sentence: `Writing: 1,200 of 300,000 records, 4,000 a second`. */
export const sentence = ({ done, per_second: rate, phase, total }: Position): string => {
  if (done === 0 && total === null) return PHASE_TITLES[phase]
  const of = total === null ? "" : ` of ${count(total)}`
  return `${PHASE_TITLES[phase]}: ${count(done)}${of} records${rate === null ? "" : `, ${count(rate)} a second`}`
}

/** Follows the events of a run and says where it stands. */
export const follow = (): ((event: ProgressEvent) => Position) => {
  let phase: Phase | undefined
  let began = 0
  return (event) => {
    const now = performance.now()
    if (event.state === "started" || event.phase !== phase) {
      phase = event.phase
      began = now
    }
    const seconds = (now - began) / 1000
    const { done, total } = event
    return {
      phase: event.phase,
      done,
      total: total ?? null,
      seconds: Math.round(seconds * 1000) / 1000,
      per_second: done > 0 && seconds > 0.05 ? Math.round(done / seconds) : null
    }
  }
}
