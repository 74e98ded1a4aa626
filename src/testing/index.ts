/**
 * `memorygraph-migrate/testing`: what a host needs to test a backend of its own, or its use of one: arbitraries, an
 * in-memory backend, the conformance suite, faults on purpose, round trips. It depends on no test runner.
 */
export * as Arbitraries from "./arbitraries.ts"
export { type Graph, recordsOf } from "./arbitraries/graphs.ts"
export { differences, showDifferences } from "./compare.ts"
export {
  type CaseResult,
  conformance,
  type ConformanceCase,
  ConformanceFailure,
  type Harness,
  type It,
  type Place,
  register,
  run,
  type Test
} from "./conformance/index.ts"
export { fill, storable } from "./conformance/support.ts"
export { type Fault, FAULT_KINDS, FaultGate, type FaultKind, faulty, faultyDriver, type Method } from "./faults.ts"
export { type Feature, FEATURES, MEMORIES_ONLY } from "./features.ts"
export * as MemoryBackend from "./MemoryBackend.ts"
export { MemoryGraph } from "./MemoryGraph.ts"
export { type Leg, type Migrate, type RoundTrip, roundTrip, RoundTripFailure, type Stop } from "./roundTrip.ts"
export { link, memory, sampleGraph } from "./samples.ts"
