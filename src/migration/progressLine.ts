/** A line of `--progress json`: one JSON object, on standard error. */
import * as Schema from "effect/Schema"
import { PHASES } from "./Progress.ts"

/** One notice. `total`, `rate` and `eta` are null where they are not known. */
export const ProgressLine = Schema.Struct({
  phase: Schema.Literal(...PHASES),
  state: Schema.Literal("started", "running", "ended"),
  /** Records so far. */
  done: Schema.Number,
  /** Records there will be. */
  total: Schema.NullOr(Schema.Number),
  /** Records a second since the phase began. */
  rate: Schema.NullOr(Schema.Number),
  /** Seconds that are left, by that rate. */
  eta: Schema.NullOr(Schema.Number),
  /** Seconds since the phase began. */
  elapsed: Schema.Number
}).annotations({ identifier: "ProgressLine", title: "A line of memorygraph --progress json" })
export type ProgressLine = typeof ProgressLine.Type
