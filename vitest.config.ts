import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["./test/support/tempRoot.ts"],
    reporters: ["default", "./test/support/reporter.ts"],
    // Real engines and real files: two files at a time, each in a process of its own.
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    passWithNoTests: false
  }
})
