/** Records as MemoryGraph programs write them: every field that each of their layouts requires, with awkward values. */
import * as FastCheck from "effect/FastCheck"
import type { Arbitrary } from "effect/FastCheck"
import type { Properties } from "../../domain/Graph.ts"
import { MEMORY_TYPES } from "../../domain/Memory.ts"
import { text, wellFormedText } from "./text.ts"

const prose = FastCheck.oneof({ weight: 9, arbitrary: wellFormedText }, { weight: 1, arbitrary: text })

const count = FastCheck.oneof(
  FastCheck.bigInt({ min: 0n, max: 100n }),
  FastCheck.constantFrom(2n ** 53n + 1n, 2n ** 63n - 1n)
)

const share = FastCheck.oneof(
  FastCheck.double({ min: 0, max: 1, noNaN: true }),
  FastCheck.constantFrom(0, 1, 0.5, 0.30000000000000004, 5e-324)
)

const pad = (value: number, width: number): string => String(value).padStart(width, "0")

/** Timestamps as text, in the forms the two programs write; the text is the value and must not change. */
export const timestamp: Arbitrary<string> = FastCheck.tuple(
  FastCheck.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2030, 0, 1) }),
  FastCheck.integer({ min: 0, max: 999 }),
  FastCheck.constantFrom("milliseconds", "microseconds", "seconds", "offset")
).map(([milliseconds, micros, form]) => {
  const iso = new Date(milliseconds).toISOString()
  const seconds = iso.slice(0, 19)
  switch (form) {
    case "milliseconds":
      return iso
    case "microseconds":
      return `${iso.slice(0, 23)}${pad(micros, 3)}+00:00`
    case "seconds":
      return `${seconds}+00:00`
    default:
      return `${iso.slice(0, 23)}${pad(micros, 3)}+05:30`
  }
})

/** The properties of a memory, `id` excepted. */
export const memoryProperties: Arbitrary<Properties> = FastCheck.record(
  {
    type: FastCheck.constantFrom(...MEMORY_TYPES),
    title: prose,
    content: prose,
    summary: prose,
    tags: FastCheck.array(prose, { maxLength: 4 }),
    importance: share,
    confidence: share,
    effectiveness: share,
    usage_count: count,
    version: count,
    created_at: timestamp,
    updated_at: timestamp,
    last_accessed: timestamp,
    updated_by: prose
  },
  {
    requiredKeys: [
      "type",
      "title",
      "content",
      "tags",
      "importance",
      "confidence",
      "usage_count",
      "version",
      "created_at",
      "updated_at"
    ]
  }
)

/** The properties of a relationship between memories, `id` excepted. */
export const linkProperties: Arbitrary<Properties> = FastCheck.record(
  {
    strength: share,
    confidence: share,
    context: prose,
    evidence_count: count,
    success_rate: share,
    created_at: timestamp,
    last_validated: timestamp,
    validation_count: count,
    counter_evidence_count: count,
    valid_from: timestamp,
    valid_until: timestamp,
    recorded_at: timestamp
  },
  {
    requiredKeys: [
      "strength",
      "confidence",
      "evidence_count",
      "created_at",
      "last_validated",
      "validation_count",
      "counter_evidence_count",
      "valid_from",
      "recorded_at"
    ]
  }
)
