/** A backend of one's own, held to the port by the conformance suite, without a test runner. */
import * as Effect from "effect/Effect"
import { conformance, run } from "memorygraph-migrate/testing"
import { ListStore, make } from "./ListBackend.ts"

const harness = {
  name: "list",
  without: ["spoil", "several-places", "refuse"] as const,
  place: Effect.sync(() => {
    const store = new ListStore()
    return { connect: Effect.sync(() => make(store)) }
  })
}

// All cases, or those whose name holds the word that is given.
const cases = conformance.filter(({ name }) => name.includes(process.argv[2] ?? ""))
const results = await Effect.runPromise(run(harness, cases))
for (const one of results) if (one.result === "failed") console.log(`FAILED ${one.name}: ${String(one.cause)}`)
const count = (result: string) => results.filter((one) => one.result === result).length
console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`)
