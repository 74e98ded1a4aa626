/**
 * How much of a fault sweep is run: all of it with `npm run test:fault`, a sampled share otherwise. The sample is drawn
 * by a seed that is printed, so that a failure can be repeated: `MEMORYGRAPH_FAULT_SEED=N`.
 */
import * as crypto from "node:crypto"

/** True where the whole sweep is asked for. */
export const FULL_SWEEP = process.env["MEMORYGRAPH_TEST_FAULT"] === "full"

/** How many seconds each parser is fuzzed (`npm run test:fuzz`); undefined: a fixed number of inputs. */
export const FUZZ_SECONDS =
  process.env["MEMORYGRAPH_FUZZ_SECONDS"] === undefined ? undefined : Number(process.env["MEMORYGRAPH_FUZZ_SECONDS"])

const DEFAULT_SEED = 20261122

/** The seed of this run: that of MEMORYGRAPH_FAULT_SEED, else another one in each fuzzing and the same one otherwise. */
export const SEED = Number(
  process.env["MEMORYGRAPH_FAULT_SEED"] ?? (FUZZ_SECONDS === undefined ? DEFAULT_SEED : crypto.randomInt(2 ** 32))
)

/** How many of a sweep's points are visited. */
export const points = (share: number, full: number): number => (FULL_SWEEP ? full : share)

/** Numbers from 0 up to (not including) 1, the same ones for the same name and seed. */
export const random = (name: string, seed: number = SEED): (() => number) => {
  let count = 0
  return () => crypto.hash("sha256", `${name} ${seed} ${count++}`, "buffer").readUInt32BE(0) / 2 ** 32
}

/** A sample of a list, in its order: all of it in a full sweep, `share` of its elements otherwise. */
export const sample = <A>(name: string, all: ReadonlyArray<A>, share: number): ReadonlyArray<A> => {
  if (FULL_SWEEP || all.length <= share) return all
  const next = random(name)
  const drawn = all.map((element, at) => ({ at, element, rank: next() })).sort((a, b) => a.rank - b.rank)
  return drawn
    .slice(0, share)
    .sort((a, b) => a.at - b.at)
    .map(({ element }) => element)
}
