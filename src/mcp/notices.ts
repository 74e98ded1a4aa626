/** Notices of progress: the positions of a run as a client is told them, not more often than it can use. */
import { type Position, sentence, share } from "./progress.ts"

/** Sends a notice: of 100, and a sentence. */
export type Notify = (progress: number, message: string) => void

/** The part of a call's progress that some work is, of 100. */
export interface Part {
  readonly from: number
  readonly to: number
}

export const WHOLE: Part = { from: 0, to: 100 }

export interface Notices {
  readonly hear: (position: Position) => void
  /** Sends what was held back; nothing is sent afterwards. */
  readonly end: () => void
}

/** Milliseconds between two notices of progress in one phase. */
const INTERVAL = 250

/**
 * Tells of every phase as it begins, and within it at most one position an interval, the last that there is; what is told
 * only ever grows, as the protocol wants it.
 */
export const notices = (notify: Notify, part: Part): Notices => {
  let last = -1
  let sent = Number.NEGATIVE_INFINITY
  let held: { readonly progress: number; readonly message: string } | undefined
  let phase: string | undefined
  let timer: NodeJS.Timeout | undefined
  const send = () => {
    clearTimeout(timer)
    timer = undefined
    if (held === undefined) return
    sent = performance.now()
    last = held.progress
    notify(Math.round(held.progress * 100) / 100, held.message)
    held = undefined
  }
  return {
    hear: (position) => {
      const progress = part.from + share(position) * (part.to - part.from)
      if (progress <= (held?.progress ?? last)) return
      held = { progress, message: sentence(position) }
      const left = position.phase === phase ? sent + INTERVAL - performance.now() : 0
      phase = position.phase
      if (left <= 0) send()
      else timer ??= setTimeout(send, left).unref()
    },
    end: send
  }
}
