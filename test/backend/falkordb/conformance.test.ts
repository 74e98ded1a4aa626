import { describe } from "vitest"
import { register } from "../../../src/testing/conformance/index.ts"
import { engineAvailable } from "../../support/falkordb.ts"
import { vitestIt } from "../../testing/vitestIt.ts"
import { liteHarness } from "./liteHarness.ts"

describe.skipIf(engineAvailable !== undefined)(`FalkorDBLite files ${engineAvailable ?? ""}`, () =>
  register(vitestIt, liteHarness("FalkorDBLite", { runs: 10 }))
)
