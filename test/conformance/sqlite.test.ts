import { describe } from "vitest"
import { register } from "../../src/testing/conformance/index.ts"
import { MEMORIES_ONLY } from "../../src/testing/features.ts"
import { vitestIt } from "../testing/vitestIt.ts"
import { emptied, sqliteHarness } from "./sqliteHarness.ts"

const seed = ["relationships", "nodes"]
const column = ["relationships", "memories"]

describe("SQLite, a new file in the seed layout", () =>
  register(vitestIt, sqliteHarness("SQLite seed", { spoil: "seed" })))

describe("SQLite, a file of the Python program with a write-ahead log", () =>
  register(
    vitestIt,
    sqliteHarness("SQLite seed, WAL", {
      spoil: "seed",
      refuse: "trigger",
      prepare: emptied("python-small.db", "wal", seed),
      runs: 10
    })
  ))

describe("SQLite, a file of the TypeScript port in the column layout", () =>
  register(
    vitestIt,
    sqliteHarness("SQLite column", {
      spoil: "column",
      prepare: emptied("ts-small.db", "delete", column),
      without: MEMORIES_ONLY
    })
  ))

describe("SQLite, a new file in the column layout", () =>
  register(
    vitestIt,
    sqliteHarness("SQLite column, new", { layout: "column", spoil: "column", without: MEMORIES_ONLY, runs: 10 })
  ))
