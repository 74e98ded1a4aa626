/**
 * Arbitraries for property tests: values, names, records and graphs. They come with `effect/FastCheck`, so that a host
 * needs no package of its own. Each prefers what stores are known to change; fixed lists of the same
 * (`ODD_TEXTS`, `ODD_FLOATS`, ...) serve tests that want every one of them.
 */
export * from "./arbitraries/graphs.ts"
export * from "./arbitraries/memories.ts"
export * from "./arbitraries/temporals.ts"
export * from "./arbitraries/text.ts"
export * from "./arbitraries/values.ts"
