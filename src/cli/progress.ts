/** Shows the progress of a run: a live line on a terminal, plain lines elsewhere, or one JSON object a line. */
import { type Phase, PHASE_TITLES, type ProgressEvent, type ProgressSink } from "../migration/Progress.ts"
import { count, duration, rate } from "../report/words.ts"
import type { ProgressLine } from "../migration/progressLine.ts"
import type { ProgressMode } from "../settings/configFile.ts"
import * as terminal from "./terminal.ts"

export { count, duration, rate } from "../report/words.ts"

/** Milliseconds between two updates of the live line or two JSON lines. */
const LIVE_INTERVAL = 100
/** Milliseconds between two plain lines of one phase. */
const PLAIN_INTERVAL = 5000

const MIN_COLUMNS = 10
const PLAIN_WIDTH = 200

/** What is known of a phase that goes on. */
export interface PhaseState {
  readonly phase: Phase
  readonly done: number
  readonly total: number | undefined
  /** Seconds since it began. */
  readonly seconds: number
}

const BAR = 20

/** A phase on one line of at most `width` columns; what matters most comes first and stays longest. */
export const phaseLine = (state: PhaseState, width: number): string => {
  const { done, phase, seconds, total } = state
  const parts = [PHASE_TITLES[phase]]
  const share = total !== undefined && total > 0 ? Math.min(1, done / total) : undefined
  const filled = Math.round((share ?? 0) * BAR)
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR - filled)}]`
  if (share !== undefined) parts.push(`${Math.floor(share * 100)}%`)
  if (done > 0 || total !== undefined) parts.push(total === undefined ? count(done) : `${count(done)}/${count(total)}`)
  const perSecond = rate(done, seconds)
  if (perSecond !== undefined) parts.push(`${count(perSecond)}/s`)
  if (perSecond !== undefined && perSecond > 0 && total !== undefined && seconds > 2 && done < total) {
    parts.push(`${duration((total - done) / perSecond)} left`)
  }
  const withBar = share === undefined ? parts : parts.toSpliced(1, 0, bar)
  if (withBar.join(" ").length <= width) return withBar.join(" ")
  while (parts.length > 1 && parts.join(" ").length > width) parts.pop()
  return parts.join(" ").slice(0, width)
}

const endLine = ({ done, phase, seconds }: PhaseState): string => {
  const perSecond = rate(done, seconds)
  const what = done > 0 ? `: ${count(done)} records in` : ":"
  return `${PHASE_TITLES[phase]}${what} ${duration(seconds)}${perSecond === undefined ? "" : ` (${count(perSecond)}/s)`}`
}

type Show = (state: PhaseState, event: ProgressEvent["state"]) => void

/** Passes on every beginning and end, and of what is between as much as the interval (milliseconds) lets through. */
const throttled = (interval: number, show: Show): ProgressSink => {
  let phase: Phase | undefined
  let began = 0
  let shown = 0
  return {
    emit: (event) => {
      const now = performance.now()
      if (event.state === "started" || event.phase !== phase) {
        phase = event.phase
        began = now
      }
      if (event.state === "running" && now - shown < interval) return
      shown = now
      show({ phase: event.phase, done: event.done, total: event.total, seconds: (now - began) / 1000 }, event.state)
    }
  }
}

const showLive: Show = (state, event) => {
  // One column stays free: a full line would wrap on some terminals.
  const width = Math.max(MIN_COLUMNS, terminal.columns() - 1)
  terminal.setLive(event === "ended" ? "" : phaseLine(state, width))
  if (event === "ended" && state.done > 0) terminal.err(endLine(state).slice(0, width))
}

const showPlain: Show = (state, event) => {
  if (event === "running") terminal.err(phaseLine(state, PLAIN_WIDTH))
  if (event === "ended" && state.done > 0) terminal.err(endLine(state))
}

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10

/** The notice of `--progress json`. */
export const progressLine = (
  { done, phase, seconds, total }: PhaseState,
  state: ProgressEvent["state"]
): ProgressLine => {
  const perSecond = rate(done, seconds) ?? null
  return {
    phase,
    state,
    done,
    total: total ?? null,
    rate: perSecond,
    eta:
      perSecond === null || perSecond === 0 || total === undefined
        ? null
        : tenths(Math.max(0, total - done) / perSecond),
    elapsed: Math.round(seconds * 1000) / 1000
  }
}

const showJson: Show = (state, event) => terminal.errRaw(JSON.stringify(progressLine(state, event)))

/** The sink for a mode. */
export const make = (mode: ProgressMode): ProgressSink => {
  if (mode === "none") return { emit: () => {} }
  if (mode === "json") return throttled(LIVE_INTERVAL, showJson)
  return mode === "auto" && terminal.columns() > 0
    ? throttled(LIVE_INTERVAL, showLive)
    : throttled(PLAIN_INTERVAL, showPlain)
}
