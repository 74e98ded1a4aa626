/**
 * Backends that lose, change or add something, each in one way that real programs have been seen to do it: the good
 * in-memory backend with one thing wrong. `caughtBy` names cases of the suite that must fail on it.
 */
import type { Broken } from "./broken/decorate.ts"
import { ending } from "./broken/ending.ts"
import { fitting } from "./broken/fitting.ts"
import { reading } from "./broken/reading.ts"
import { refusing } from "./broken/refusing.ts"
import { removing } from "./broken/removing.ts"
import { takingBack } from "./broken/takingBack.ts"
import { writing } from "./broken/writing.ts"

export const broken: ReadonlyArray<Broken> = [
  ...writing,
  ...refusing,
  ...removing,
  ...ending,
  ...takingBack,
  ...reading,
  ...fitting
]
