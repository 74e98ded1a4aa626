/** How long the rest of a run will take, told from what this very run has measured so far. */
import type { Estimate } from "./report.ts"

/** What is known when a plan has been made. */
export interface Measured {
  /** How many records the export took from the source, and in how many seconds. */
  readonly read: { readonly records: number; readonly seconds: number }
  /** How long all records were looked up in the target; undefined where it holds nothing, and nothing was. */
  readonly lookupSeconds: number | undefined
  /** How many records will be written. */
  readonly writes: number
  /** How many will be read back; 0 where nothing is verified. */
  readonly verifies: number
}

const digits = (number: number): number => {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, number))) - 1)
  return Math.round(number / unit) * unit
}

/**
 * An estimate: records are written, and read back from a new store, as fast as they were read; in a store that is in use
 * all are looked up twice more, as the plan has done once. Two digits at most: it is no better than that.
 */
export const estimate = ({ lookupSeconds, read, verifies, writes }: Measured): Estimate | null => {
  if (read.records === 0) return null
  const perSecond = read.records / Math.max(read.seconds, 0.001)
  const seconds =
    lookupSeconds === undefined
      ? (writes + verifies) / perSecond
      : writes / perSecond + lookupSeconds * (verifies > 0 ? 2 : 1)
  const rate = `the source was read at ${digits(perSecond).toLocaleString("en-US")} records/s`
  return {
    seconds: digits(Math.max(1, seconds)),
    basis:
      lookupSeconds === undefined
        ? rate
        : `${rate}, and the target was looked through in ${digits(Math.max(1, lookupSeconds))} s`
  }
}
