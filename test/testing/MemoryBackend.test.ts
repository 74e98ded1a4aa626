import { describe, it } from "vitest"
import { register } from "../../src/testing/conformance/index.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"
import { memoryHarness } from "./harnesses.ts"

describe("the in-memory backend", () => register(it, memoryHarness("memory")))

describe("the in-memory backend with exposed sessions", () =>
  register(it, memoryHarness("memory, exposed", { exposed: true })))

describe("the in-memory backend with memories only", () =>
  register(it, { ...memoryHarness("memory, memories only"), without: MEMORIES_ONLY }))
