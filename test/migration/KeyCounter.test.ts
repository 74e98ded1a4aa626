import * as v8 from "node:v8"
import * as vm from "node:vm"
import { expect, it } from "vitest"
import { KeyCounter } from "../../src/migration/KeyCounter.ts"

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
