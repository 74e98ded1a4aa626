/** Plan first, then act: what is written is what was looked at, or nothing is. */
import * as Effect from "effect/Effect"
import { type GraphBackend, migrate, SqliteBackend, type WriteOptions } from "memorygraph-migrate"

const options: WriteOptions = { stateFolder: "state", onConflict: "fail" }

const planOf = (source: GraphBackend, target: GraphBackend) =>
  Effect.map(migrate(source, target, { ...options, dryRun: true, hashPlan: true }), ({ plan }) => plan)

const program = Effect.scoped(
  Effect.gen(function* () {
    const source = yield* SqliteBackend.make({ path: "memories.db" })
    const target = yield* SqliteBackend.make({ path: "planned.db" })

    // Nothing is written yet: a person, or a policy, looks at the plan and keeps its hash.
    const plan = yield* planOf(source, target)
    if (plan === null || plan.hash === null || plan.impossible.length > 0) return "not today"
    console.log(`${plan.new} new, ${plan.same} same, ${plan.conflicts} in conflict`)

    // Refused with `stale-plan`, before the first write, where one of the stores has changed meanwhile.
    const expectPlan = plan.hash
    return yield* migrate(source, target, { ...options, expectPlan }).pipe(
      Effect.map(({ outcome }) => outcome),
      Effect.catchTag("Refused", (refused) => Effect.succeed(`refused: ${refused.reason}`))
    )
  })
)

console.log(await Effect.runPromise(program))
