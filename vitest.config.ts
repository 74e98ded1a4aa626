import { defineConfig } from "vitest/config"

const source = (file: string) => new URL(file, import.meta.url).pathname

export default defineConfig({
  // What the examples import by the package's name: the source, as the tests do.
  resolve: {
    alias: [
      { find: /^memorygraph-migrate$/, replacement: source("src/index.ts") },
      { find: /^memorygraph-migrate\/testing$/, replacement: source("src/testing/index.ts") }
    ]
  },
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
