import { describe } from "vitest"
import { register } from "../../src/testing/conformance/index.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"
import { memoryHarness } from "./harnesses.ts"
import { vitestIt } from "./vitestIt.ts"

describe("the in-memory backend", () => register(vitestIt, memoryHarness("memory")))

describe("the in-memory backend with exposed sessions", () =>
  register(vitestIt, memoryHarness("memory, exposed", { exposed: true })))

describe("the in-memory backend with memories only", () =>
  register(vitestIt, { ...memoryHarness("memory, memories only"), without: MEMORIES_ONLY }))
