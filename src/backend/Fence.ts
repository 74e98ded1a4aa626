/**
 * Who may write: the rules of the fence, for every engine.
 *
 * The fence is a node labelled `_MgRun {run, epoch, owner, host, heartbeat, lease, dirty}` in the target: lock, mark of
 * partial data, and guard. Its owner renews the heartbeat; a fence whose heartbeat is older than its lease, or whose
 * process is known to be gone, is nobody's any more. One that is nobody's and clean (nothing was changed under it) gives
 * way by itself; a dirty one holds a run's partial work, and only that run may go on: by `runs resume` or `runs rollback`.
 */
import * as os from "node:os"
import { Refused } from "../domain/Errors.ts"
import { isOrphan, OWNER } from "../files/ownedFiles.ts"

/** How long a heartbeat counts, in milliseconds, unless a session says otherwise. */
export const LEASE = 60_000

/** How many heartbeats are given within a lease: some may be late. */
const BEATS = 5

/** The time between two heartbeats, in milliseconds. */
export const beatEvery = (lease: number): number => Math.max(50, Math.floor(lease / BEATS))

/** The fence as its holder knows it. */
export interface Fence {
  readonly run: string
  readonly epoch: number
}

/** The fence that a claim has taken. */
export interface RaisedFence extends Fence {
  /** True where the run's own fence stood there already, with its marks; false for one that was made anew. */
  readonly stood: boolean
}

/** Epochs that a claim has for itself: it begins with its first and raises it before every undo or second try. */
export const EPOCHS_A_CLAIM = 1_000_000

/** True for the epochs of this claim. */
export const isOfClaim = (claim: Claim, epoch: number): boolean =>
  epoch >= claim.epoch && epoch < claim.epoch + EPOCHS_A_CLAIM

/** What a run writes into the fence that it takes. */
export interface Claim {
  readonly run: string
  /** The first of the claim's epochs; higher than all of the claims before it on this run, by {@link EPOCHS_A_CLAIM}. */
  readonly epoch: number
  /** This process: see `ownedFiles.ts`. */
  readonly owner: string
  /** The machine's name, for people. */
  readonly host: string
  /** Milliseconds. */
  readonly lease: number
}

/** The claim of this process that opened the run's journal for the `claims`-th time. */
export const makeClaim = (run: string, claims: number, lease: number = LEASE): Claim => ({
  run,
  epoch: claims * EPOCHS_A_CLAIM,
  owner: OWNER,
  host: os.hostname(),
  lease
})

/** The fence as it stands in the store. */
export interface Holder extends Claim {
  /** Milliseconds since the heartbeat, by the store's own clock. */
  readonly age: number
  /** False where nothing was changed under it yet. */
  readonly dirty: boolean
}

/** True where the holder's process is known to be gone, or has given no sign of life for longer than its lease. */
export const isAbandoned = (holder: Holder): boolean => holder.age > holder.lease || isOrphan(holder.owner)

/**
 * What a claim meets: its own run's fence that it may take up, one that gives way, or a refusal. The engine acts on
 * `take-up` and `replace` only while the fence still stands at the holder's run and epoch.
 */
export type Verdict = "take-up" | "replace" | Refused

/** Decides about the fence that stands in the way of a claim. */
export const verdict = (location: string, holder: Holder, claim: Claim): Verdict => {
  const mine = holder.run === claim.run
  if (mine && (holder.owner === claim.owner || isAbandoned(holder))) return "take-up"
  if (!isAbandoned(holder)) return held(location, holder)
  return holder.dirty ? unfinished(location, holder) : "replace"
}

const held = (location: string, { age, host, lease, owner, run }: Holder): Refused =>
  new Refused({
    reason: "locked",
    message:
      `Run ${run} is writing to ${location}: process ${pidOf(owner)} on ${host} gave its last sign of life ${seconds(age)} s ago. ` +
      `Nothing was changed. Wait for its end; if that process hangs, it loses the store ${seconds(lease)} s after its last sign of life.`
  })

const unfinished = (location: string, { age, host, run }: Holder): Refused =>
  new Refused({
    reason: "unfinished-run",
    message:
      `${location} holds the unfinished work of run ${run}, which gave its last sign of life ${seconds(age)} s ago on ${host}. Nothing was changed. ` +
      `Finish it with "memorygraph runs resume ${run}" or take it back with "memorygraph runs rollback ${run}"${host === os.hostname() ? "" : `, on ${host}`}, then run again.`
  })

const seconds = (milliseconds: number): number => Math.max(0, Math.round(milliseconds / 1000))

const pidOf = (owner: string): string => owner.slice(owner.lastIndexOf("-") + 1)
