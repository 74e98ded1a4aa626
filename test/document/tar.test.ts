/** Tar archives: what other programs pack is read, and what leads elsewhere is not. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import { describe, expect, it } from "vitest"
import { DocumentProblem } from "../../src/document/json-element.ts"
import { checksum, nameProblem, TarReader } from "../../src/document/tar-read.ts"
import { TAR_END, tarHeader, tarPadding } from "../../src/document/tar-write.ts"
import { freshPath } from "./support.ts"

const file = (name: string, content: string, change?: (header: Buffer) => void): Buffer => {
  const bytes = Buffer.from(content)
  const header = tarHeader(name, bytes.length, 0)
  if (change !== undefined) {
    change(header)
    header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148)
  }
  return Buffer.concat([header, bytes, tarPadding(bytes.length)])
}
const archive = (...parts: ReadonlyArray<Buffer>) => Buffer.concat([...parts, TAR_END])

const readIn = (bytes: Buffer, size: number) => {
  const reader = new TarReader({ maxFile: 1000 })
  const files: Array<[string, string]> = []
  for (let at = 0; at < bytes.length; at += size) {
    for (const { bytes: content, name } of reader.push(bytes.subarray(at, at + size))) {
      files.push([name, content.toString()])
    }
  }
  reader.end()
  return files
}
const read = (bytes: Buffer) => readIn(bytes, 64 * 1024)
const refusal = (bytes: Buffer): DocumentProblem => {
  try {
    read(bytes)
  } catch (cause) {
    if (cause instanceof DocumentProblem) return cause
    throw cause
  }
  throw new Error("it was accepted")
}
const type = (flag: string) => (header: Buffer) => header.write(flag, 156)

describe("a tar archive", () => {
  const whole = archive(file("a.md", "x".repeat(512)), file("./b.md", ""), file("c.md", "ü"))
  const files = [
    ["a.md", "x".repeat(512)],
    ["b.md", ""],
    ["c.md", "ü"]
  ]

  it("is read in pieces of any size", () => {
    for (const size of [1, 7, 511, 512, 513, 100_000]) expect(readIn(whole, size)).toEqual(files)
    expect(readIn(Buffer.concat([whole, Buffer.alloc(10_240)]), 1000)).toEqual(files)
  })

  it("is what the system's tar reads and writes", (ctx) => {
    const folder = freshPath("folder")
    fs.mkdirSync(folder)
    const packed = nodePath.join(folder, "x.tar")
    try {
      fs.writeFileSync(packed, whole)
      execFileSync("tar", ["-xf", packed, "-C", folder])
    } catch {
      return ctx.skip("not run: no tar program")
    }
    fs.rmSync(packed)
    for (const [name = "", content] of files) expect(fs.readFileSync(nodePath.join(folder, name), "utf8")).toBe(content)
    const again = nodePath.join(nodePath.dirname(folder), "again.tar")
    for (const what of [
      ["-C", folder, "."],
      ["-C", nodePath.dirname(folder), "folder"]
    ]) {
      execFileSync("tar", ["-cf", again, ...what])
      expect(read(fs.readFileSync(again)).toSorted()).toEqual(files)
    }
  })

  it("may stand in one folder, with extended headers that change no file", () => {
    const extended = file("PaxHeader/a", "20 mtime=1700000000\n", type("x"))
    expect(read(archive(file("top/", "", type("5")), extended, file("top/a.md", "x")))).toEqual([["a.md", "x"]])
  })
})

describe("refused is", () => {
  it.each([
    ["a path that leads out", archive(file("../a.md", "x")), "schema"],
    ["one that does so in the middle", archive(file("a/../../b.md", "x")), "schema"],
    ["an absolute path", archive(file("/etc/passwd", "x")), "schema"],
    ["a path with a drive", archive(file("C:x.md", "x")), "schema"],
    ["a backslash", archive(file("a\\b.md", "x")), "schema"],
    ["a device", archive(file("Con.md", "x")), "schema"],
    ["a folder that is a device", archive(file("nul/a.md", "x")), "schema"],
    ["a control character", archive(file("a\u0001.md", "x")), "schema"],
    ["a folder in a folder", archive(file("a/b/c.md", "x")), "schema"],
    ["two folders", archive(file("a/b.md", "x"), file("c/d.md", "x")), "schema"],
    ["a file twice", archive(file("a.md", "x"), file("./a.md", "y")), "duplicate-record"],
    ["a symbolic link", archive(file("a.md", "", type("2"))), "schema"],
    ["a hard link", archive(file("a.md", "", type("1"))), "schema"],
    ["a device file", archive(file("a.md", "", type("3"))), "schema"],
    ["a long name of GNU's", archive(file("a", "x", type("L")), file("a.md", "x")), "schema"],
    ["a name from an extended header", archive(file("p", "17 path=../x.md\n", type("x")), file("a.md", "x")), "schema"],
    ["a size from an extended header", archive(file("p", "11 size=99\n", type("g")), file("a.md", "x")), "schema"],
    ["a file that is too long", archive(file("a.md", "x".repeat(1001))), "too-large"],
    ["a size that is no number", archive(file("a.md", "x", (header) => header.write("9", 124))), "schema"],
    ["a size in base 256", archive(file("a.md", "x", (header) => (header[124] = 0x80))), "schema"],
    ["an archive that breaks off", archive(file("a.md", "x".repeat(900))).subarray(0, 1200), "truncated"],
    ["one without an end", file("a.md", "x"), "truncated"]
  ])("%s", (_what, bytes, reason) => {
    expect(refusal(bytes).reason).toBe(reason)
  })

  it("a changed header, wherever it is changed", () => {
    const whole = archive(file("a.md", "x"))
    for (let at = 0; at < 500; at++) {
      // What follows the checksum's own end says nothing.
      if (at === 155) continue
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(refusal(changed).reason).toBe("schema")
    }
  })

  it("the name of a device, a folder or a stream of another file", () => {
    for (const name of ["", ".", "..", "a/b", "a\\b", "a:b", "a\u0000", "com1", "LPT9.md", "COM\u00b9", "prn.tar.gz"]) {
      expect(nameProblem(name)).toBeDefined()
    }
    for (const name of ["console.md", "com.md", "a.con", "index.md", "nullable.md"])
      expect(nameProblem(name)).toBeUndefined()
  })
})
