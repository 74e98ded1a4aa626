import * as fs from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { makeFolder } from "../../src/files/makeFolder.ts"
import { tempFolder } from "../support/migrating.ts"

it("makes what is missing, private, and says what it made first", () => {
  const root = tempFolder()
  const folder = path.join(root, "a", "b")
  expect(makeFolder(folder)).toBe(path.join(root, "a"))
  expect(fs.statSync(folder).mode & 0o777).toBe(0o700)
  expect(makeFolder(folder)).toBeUndefined()
})

it("fails where a file has the name, and beneath a file", () => {
  const file = path.join(tempFolder(), "file")
  fs.writeFileSync(file, "")
  expect(() => makeFolder(file)).toThrow(/EEXIST/)
  expect(() => makeFolder(path.join(file, "a"))).toThrow(/ENOTDIR/)
})

it.skipIf(process.platform !== "linux")("ends where the system refuses folders with ENOENT", () => {
  expect(() => makeFolder("/proc/a/b")).toThrow(/ENOENT/)
})
