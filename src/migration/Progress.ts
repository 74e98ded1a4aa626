/** Progress of long work, for whoever wants to see it; silent unless somebody provides a sink. */
import * as Context from "effect/Context"

/** The phases of a migration, in order. */
export const PHASES = [
  "preflight",
  "export",
  "validate",
  "plan",
  "import",
  "verify",
  "publish",
  "undo",
  "cleanup"
] as const
export type Phase = (typeof PHASES)[number]

/** One notice: `total` is absent where it is not known. Records unless `unit` says otherwise. */
export interface ProgressEvent {
  readonly phase: Phase
  readonly done: number
  readonly total: number | undefined
  readonly state: "started" | "running" | "ended"
}

/** Takes notices; called synchronously, at least once every 100 records, so it must be cheap. */
export interface ProgressSink {
  readonly emit: (event: ProgressEvent) => void
}

/** The sink in force. */
export class Progress extends Context.Reference<Progress>()("memorygraph-migrate/Progress", {
  defaultValue: (): ProgressSink => ({ emit: () => {} })
}) {}
