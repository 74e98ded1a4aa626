/** The small backend that docs/testing.md shows, through the published suite. */
import * as Effect from "effect/Effect"
import { describe } from "vitest"
import { ListStore, make } from "../../examples/ListBackend.ts"
import { register } from "../../src/testing/index.ts"
import { vitestIt } from "./vitestIt.ts"

describe("the example backend", () =>
  register(vitestIt, {
    name: "list",
    without: ["spoil", "several-places", "refuse"],
    place: Effect.sync(() => {
      const store = new ListStore()
      return { connect: Effect.sync(() => make(store)) }
    })
  }))
