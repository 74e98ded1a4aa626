import * as v8 from "node:v8"
import * as vm from "node:vm"
import * as fc from "fast-check"
import { expect, it } from "vitest"
import { KeyCounter } from "../../src/migration/KeyCounter.ts"
import { KeyBytes, KeyTable } from "../../src/migration/KeyTable.ts"

it("keeps keys, and not the texts that they were cut out of", () => {
  v8.setFlagsFromString("--expose-gc")
  const collect: unknown = vm.runInNewContext("gc")
  if (typeof collect !== "function") throw new Error("no gc")
  const heap = (): number => {
    collect()
    return process.memoryUsage().heapUsed / 1e6
  }
  const counter = new KeyCounter()
  const before = heap()
  for (let i = 0; i < 500; i++) {
    const text = Buffer.alloc(200_000, `a key of its own: ${i} `).toString("latin1")
    counter.add(text.slice(0, 40))
  }
  expect(heap() - before).toBeLessThan(20)
  expect(counter.get(Buffer.alloc(40, "a key of its own: 7 ").toString("latin1"))).toBe(1)
  counter.close()
})

it("counts keys with lone surrogates apart, in memory and on disk", () => {
  const counter = new KeyCounter(2)
  const keys = ["\ud800", "\ud801", "\ufffd", "\u0000", "a"]
  for (const key of keys) counter.add(key)
  for (const key of keys) expect(counter.get(key)).toBe(1)
  expect(counter.add("\ud800")).toBe(1)
  counter.close()
})

// Few letters, so that keys meet: short ones, equal ends, and what takes three bytes in the table.
const keys = fc.oneof(
  fc.string({
    unit: fc.constantFrom("a", "b", "\u0000", "\u00fe", "\u00ff", "\ud800", "\udc00", "\uffff"),
    maxLength: 6
  }),
  fc.string({ unit: "binary", minLength: 80, maxLength: 400 })
)

it.each([0, 7, 400])("counts like a Map, moving to disk beyond %i keys", (limit) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: keys, put: fc.option(fc.nat(2 ** 31)) }), { maxLength: 120 }),
      fc.array(keys),
      (steps, strangers) => {
        const counter = new KeyCounter(limit)
        const model = new Map<string, number>()
        for (const { key, put } of steps) {
          const before = model.get(key) ?? 0
          if (put === null) expect(counter.add(key)).toBe(before)
          else counter.put(key, put)
          model.set(key, put ?? before + 1)
        }
        for (const key of [...model.keys(), ...strangers]) expect(counter.get(key)).toBe(model.get(key) ?? 0)
        counter.close()
      }
    ),
    { numRuns: 150 }
  )
})

it("keeps keys apart whose hashes are equal, while the table grows", () => {
  const table = new KeyTable()
  const key = new KeyBytes()
  // Sixteen hashes for all: every look-up walks through the others.
  const at = (text: string): KeyBytes => {
    key.set(text)
    key.hash %= 16
    return key
  }
  for (let i = 0; i < 3000; i++) table.set(at(`key ${i}`), i)
  for (let i = 0; i < 3000; i++) expect(table.get(at(`key ${i}`))).toBe(i)
  expect(table.get(at("key 3000"))).toBeUndefined()
  expect([...table.entries()].map(([bytes, value]) => [Buffer.from(bytes).toString("latin1"), value])).toEqual(
    Array.from({ length: 3000 }, (_, i) => [`key ${i}`, i])
  )
})
