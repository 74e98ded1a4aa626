import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Temporal, type TemporalKind } from "../../../src/domain/PropertyValue.ts"
import * as temporal from "../../../src/backend/bolt/temporal.ts"
import { zoneOffset } from "../../../src/backend/bolt/zones.ts"
import { temporals } from "./arbitraries.ts"

const back = (kind: TemporalKind, text: string): string | undefined => {
  const value = temporal.toDriver(new Temporal(kind, text))
  return value === undefined ? undefined : temporal.fromDriver(value)?.text
}

const KEPT: ReadonlyArray<readonly [TemporalKind, string]> = [
  ["date", "2024-02-29"],
  ["date", "0000-01-01"],
  ["date", "-0001-12-31"],
  ["date", "+999999999-12-31"],
  ["date", "-999999999-01-01"],
  ["localTime", "12:50:00"],
  ["localTime", "23:59:59.999999999"],
  ["localTime", "00:00:00.000000001"],
  ["time", "12:50:35.5Z"],
  ["time", "12:50:35+18:00"],
  ["time", "12:50:35-00:53:28"],
  ["localDateTime", "2015-06-24T12:50:35.000000001"],
  ["localDateTime", "+123456-06-24T00:00:00"],
  ["dateTime", "2025-01-01T00:00:00.5+01:00[Europe/Berlin]"],
  ["dateTime", "2025-01-01T00:00:00Z[Europe/London]"],
  ["dateTime", "1850-01-01T00:00:00+00:53:28[Europe/Berlin]"],
  ["dateTime", "-0500-01-01T00:00:00+00:53:28[Europe/Berlin]"],
  ["dateTime", "2025-01-01T00:00:00+05:30[Asia/Kolkata]"],
  ["dateTime", "2025-01-01T00:00:00-05:00[Etc/GMT+5]"],
  // The hour that comes twice.
  ["dateTime", "2022-10-30T02:30:00+02:00[Europe/Berlin]"],
  ["dateTime", "2022-10-30T02:30:00+01:00[Europe/Berlin]"],
  ["dateTime", "+999999999-12-31T23:59:59.999999999-18:00"],
  ["duration", "P1M2DT3.5S"],
  ["duration", "P1Y2M3DT4H5M6.7S"],
  ["duration", "P-1Y-2M3DT-0.3S"],
  ["duration", "PT-1H-1M-0.5S"],
  ["duration", "PT-0.000000001S"],
  ["duration", "PT0S"],
  ["duration", "PT2562047788015215H30M6S"],
  ["duration", "P-106751991167300DT-14H-30M-7S"]
]

const CHANGED: ReadonlyArray<readonly [TemporalKind, string]> = [
  ["date", "2023-02-29"],
  ["date", "20240229"],
  ["date", "+2024-01-01"],
  ["date", "-0000-01-01"],
  ["localTime", "12:50"],
  ["localTime", "12:50:00.500"],
  ["localTime", "24:00:00"],
  ["time", "12:50:35+00:00"],
  ["time", "12:50:35+01"],
  ["time", "12:50:35+18:01"],
  ["localDateTime", "2015-06-24 12:50:35"],
  ["dateTime", "2015-06-24T12:50:35"],
  ["dateTime", "2025-01-01T00:00:00+02:00[Europe/Berlin]"],
  ["dateTime", "2025-01-01T00:00:00+01:00[Nowhere/Land]"],
  ["dateTime", "2025-01-01T00:00:00-05:00[EST]"],
  ["dateTime", "2025-01-01T00:00:00+02:00[+02:00]"],
  ["dateTime", "2025-01-01T00:00:00+01:00[europe/berlin]"],
  ["dateTime", "+300000-01-01T00:00:00+01:00[Europe/Berlin]"],
  ["duration", "P14M"],
  ["duration", "P1W"],
  ["duration", "PT60M"],
  ["duration", "P0D"],
  ["duration", "PT1H-1M"],
  ["duration", "P9223372036854775807M"],
  ["duration", "P"],
  ["duration", ""]
]

describe("temporal values over Bolt", () => {
  it.each(KEPT)("keep %s %s", (kind, text) => expect(back(kind, text)).toBe(text))

  it.each(CHANGED)("are encoded where the text would change: %s %s", (kind, text) =>
    expect(back(kind, text)).toBeUndefined()
  )

  it("keep whatever is in the canonical form", () => {
    fc.assert(
      fc.property(temporals, (value) => {
        expect(back(value.kind, value.text)).toBe(value.text)
      }),
      { seed: 20251, numRuns: 2000 }
    )
  })

  it("never come back as something else", () => {
    const kinds: ReadonlyArray<TemporalKind> = ["date", "time", "localTime", "dateTime", "localDateTime", "duration"]
    const text = fc.stringMatching(/^[-+]?[0-9PTZYMDHS:.+[\]/-]{0,30}$/)
    fc.assert(
      fc.property(fc.constantFrom(...kinds), text, (kind, given) => {
        expect([undefined, given]).toContain(back(kind, given))
      }),
      { seed: 20252, numRuns: 5000 }
    )
  })

  it("take the server's text where the zone is not known here", () => {
    const text = "2020-01-01T00:00:00Z[Factory]"
    expect(temporal.fromServerText(text)).toEqual(new Temporal("dateTime", text))
  })

  it("work out the offset here where the server's rules differ", () => {
    const differing = "2025-01-01T01:00:00+02:00[Europe/Berlin]"
    expect(temporal.fromServerText(differing).text).toBe("2025-01-01T00:00:00+01:00[Europe/Berlin]")
  })

  it("know the offsets of zones", () => {
    expect(zoneOffset("Europe/Berlin", 0)).toBe(3600)
    expect(zoneOffset("Asia/Kathmandu", Date.UTC(2024, 0, 1) / 1000)).toBe(20_700)
    expect(zoneOffset("Nowhere/Land", 0)).toBeUndefined()
    expect(zoneOffset("Europe/Berlin", 9e12)).toBeUndefined()
  })
})
