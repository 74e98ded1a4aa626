import * as FastCheck from "effect/FastCheck"
import { describe, expect, it } from "vitest"
import { instantOf, parseInstant } from "../../src/domain/Instant.ts"
import { Temporal } from "../../src/domain/PropertyValue.ts"

const SECOND = 1_000_000_000n

describe("a point in time", () => {
  it.each([
    ["1970-01-01", 0n],
    ["1970-01-01T00:00:00.000000001Z", 1n],
    ["2025-12-03T10:00:00+00:00", 1_764_756_000n * SECOND],
    ["2025-12-03T10:00:00", 1_764_756_000n * SECOND],
    ["2025-12-03 10:00", 1_764_756_000n * SECOND],
    ["2025-12-03T11:00:00+01:00", 1_764_756_000n * SECOND],
    ["2025-12-03T11:00:00+01:00[Europe/Berlin]", 1_764_756_000n * SECOND],
    ["2025-12-03T04:30:00-0530", 1_764_756_000n * SECOND],
    ["2025-12-03t05:00:00-05", 1_764_756_000n * SECOND],
    ["2026-01-05T09:00:00.000123+00:00", 1_767_603_600n * SECOND + 123_000n],
    ["2026-01-05T09:00:00,5z", 1_767_603_600n * SECOND + 500_000_000n],
    ["2016-12-31T23:59:60Z", 1_483_228_800n * SECOND],
    ["2016-12-31T24:00:00Z", 1_483_228_800n * SECOND],
    ["1969-12-31T23:59:59.999999999Z", -1n],
    ["0000-02-29", -62_162_121_600n * SECOND],
    ["+12345-06-07T00:00:00Z", 327_416_947_200n * SECOND]
  ])("%s is read exactly", (text, instant) => {
    expect(parseInstant(text)).toBe(instant)
  })

  it.each([
    "",
    "yesterday",
    "2025",
    "2025-12",
    "2025-13-01",
    "2025-02-29",
    "2025-12-03T",
    "2025-12-03T25:00",
    "2025-12-03T24:00:01Z",
    "2025-12-03T10",
    "2025-12-03T10:60",
    "2025-12-03T10:00:61",
    "2025-12-03T10:00:00+24:00",
    "2025-12-03Z",
    "20251203",
    " 2025-12-03",
    "2025-12-03\n",
    "1733220000"
  ])("%j is none", (text) => {
    expect(parseInstant(text)).toBeUndefined()
  })

  it("agrees with the platform on every millisecond it knows", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.date({
          min: new Date("0000-01-01T00:00:00Z"),
          max: new Date("9999-12-31T23:59:59Z"),
          noInvalidDate: true
        }),
        (date) => {
          expect(parseInstant(date.toISOString())).toBe(BigInt(date.getTime()) * 1_000_000n)
        }
      ),
      { numRuns: 500 }
    )
  })

  it("is in dates and date-times of engines, and in no other value", () => {
    expect(instantOf(new Temporal("date", "1970-01-02"))).toBe(86_400n * SECOND)
    expect(instantOf(new Temporal("dateTime", "1970-01-01T01:00:00+01:00[Europe/Berlin]"))).toBe(0n)
    expect(instantOf(new Temporal("localDateTime", "1970-01-01T00:00:01"))).toBe(SECOND)
    for (const value of [
      new Temporal("time", "10:00:00Z"),
      new Temporal("duration", "P1D"),
      1_764_756_000n,
      1.5,
      true
    ]) {
      expect(instantOf(value)).toBeUndefined()
    }
    expect(instantOf(undefined)).toBeUndefined()
  })
})
