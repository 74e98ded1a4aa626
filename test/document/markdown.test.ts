/** Markdown documents of ours: what goes out comes back, in a folder or an archive, and nothing else does. */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as nodePath from "node:path"
import { Writable } from "node:stream"
import { describe, expect, it } from "vitest"
import { type GraphRecord, node, relationship } from "../../src/domain/Graph.ts"
import { Temporal } from "../../src/domain/PropertyValue.ts"
import { fileNameOf, isOurFileName, titleOf } from "../../src/document/markdown-names.ts"
import { writeMarkdown } from "../../src/document/markdown-write.ts"
import { openDocument, type ReadOptions } from "../../src/document/read.ts"
import { nameProblem } from "../../src/document/tar-read.ts"
import { memory } from "../../src/testing/samples.ts"
import { fingerprintOf, fileOf, freshPath, pythonSmall, refusal, SEED, wildGraph } from "./support.ts"

const write = (path: string, records: ReadonlyArray<GraphRecord>, existing?: "replace") =>
  Effect.runPromise(
    writeMarkdown({
      output: { path, existing },
      backend: "sqlite",
      exportedAt: "2026-11-22T12:00:00.000Z",
      records: Stream.fromIterable(records).pipe(Stream.rechunk(3)),
      scratch: nodePath.dirname(path)
    })
  )
const read = (path: string, options?: ReadOptions) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const document = yield* openDocument(path, "auto", options)
      const records = Chunk.toReadonlyArray(yield* Stream.runCollect(document.records))
      return { format: document.format, records, losses: yield* document.losses }
    })
  )
const refused = (path: string, options?: ReadOptions) =>
  refusal(Stream.unwrap(Effect.map(openDocument(path, "auto", options), ({ records }) => records)))

const leftovers = (path: string) => fs.readdirSync(nodePath.dirname(path)).filter((name) => name.startsWith(".mg-"))

describe("a Markdown document", () => {
  it.each(["export", "export.tar", "export.tar.gz"])("as %s holds a real graph exactly", async (name) => {
    const graph = pythonSmall()
    const path = freshPath(name)
    const fingerprint = await write(path, graph)
    expect(fingerprint).toEqual(fingerprintOf(graph))
    const { format, losses, records } = await read(path)
    expect(format).toBe("markdown")
    expect(losses).toEqual([])
    expect(fingerprintOf(records)).toEqual(fingerprint)
    expect(records.findIndex(({ _tag }) => _tag === "Relationship")).toBe(30)
    expect(leftovers(path)).toEqual([])
    if (process.platform === "win32") return
    expect(fs.statSync(path).mode & 0o777).toBe(name === "export" ? 0o700 : 0o600)
    if (name === "export") {
      for (const file of fs.readdirSync(path)) expect(fs.statSync(nodePath.join(path, file)).mode & 0o777).toBe(0o600)
    }
  })

  it("goes to a stream as .tar.gz, which is read like one in a file", async () => {
    const parts: Array<Buffer> = []
    const writable = new Writable({
      write: (bytes: Buffer, _encoding, done) => {
        parts.push(bytes)
        done()
      }
    })
    const records = Stream.fromIterable(pythonSmall())
    await Effect.runPromise(
      writeMarkdown({ output: { writable }, backend: "sqlite", exportedAt: "2026-11-22T12:00:00.000Z", records })
    )
    const { records: back } = await read(fileOf(Buffer.concat(parts), "x.bin"))
    expect(fingerprintOf(back)).toEqual(fingerprintOf(pythonSmall()))
  })

  it("holds any graph exactly", async () => {
    let tried = 0
    await FastCheck.assert(
      FastCheck.asyncProperty(wildGraph, async (records) => {
        const path = freshPath(tried++ % 2 === 0 ? "export" : "export.tar.gz")
        await write(path, records)
        expect(fingerprintOf((await read(path)).records)).toEqual(fingerprintOf(records))
      }),
      { seed: SEED, numRuns: 100 }
    )
  })

  it("is for people: title, facts, content as it is, and links to the other files", async () => {
    const [a, b] = [memory("a", 1, { title: "A [title]", content: "# no heading\r\n<!-- content -->" }), memory("b", 2)]
    const path = freshPath("export")
    await write(path, [a, b, relationship("r", "a", "SOLVES", "b", { id: "r" }), relationship(null, "b", "X", "a", {})])
    const text = fs.readFileSync(nodePath.join(path, fileNameOf(a)), "utf8")
    expect(text).toContain("\n# A [title]\n\n- **Type:** problem\n- **Tags:** sample, n1\n- **Created:** 2026")
    expect(text).toContain("\n<!-- content -->\n# no heading\r\n<!-- content -->\n<!-- /content -->\n")
    expect(text).toContain(`\n- **SOLVES** → [Memory 2](${fileNameOf(b)})\n`)
    const index = fs.readFileSync(nodePath.join(path, "index.md"), "utf8")
    expect(index).toContain(`- [A \\[title\\]](${fileNameOf(a)})\n- [Memory 2](${fileNameOf(b)})\n`)
  })

  it("gives a node of very many relationships more pages", async () => {
    const hub = [
      memory("hub", 0),
      ...Array.from({ length: 2500 }, (_, n) => relationship(`r${n}`, "hub", "SOLVES", "hub", { id: `r${n}` }))
    ]
    for (const name of ["export", "export.tar.gz"]) {
      const path = freshPath(name)
      await write(path, hub)
      if (name === "export") expect(fs.readdirSync(path)).toHaveLength(4)
      expect(fingerprintOf((await read(path)).records)).toEqual(fingerprintOf(hub))
    }
  })

  it("of nothing is a document too", async () => {
    const path = freshPath("export")
    await write(path, [])
    expect(fs.readdirSync(path)).toEqual(["index.md"])
    expect((await read(path)).records).toEqual([])
  })
})

describe("file names", () => {
  it("are safe, lower case, bounded, and differ where keys differ", () => {
    const titles = [
      "CON",
      "aux.txt",
      "../../etc/passwd",
      "C:\\x",
      "ünï/код 1",
      "",
      "...",
      "x".repeat(500),
      "a\u0000b",
      "\ud800"
    ]
    const names = titles.flatMap((title) =>
      ["k", "K", title].map((key) => fileNameOf(node(key, ["Memory"], { title })))
    )
    for (const name of names) {
      expect(name).toMatch(/^[a-z0-9][a-z0-9-]*\.md$/)
      expect(name.length).toBeLessThan(90)
      expect(nameProblem(name)).toBeUndefined()
      expect(isOurFileName(name)).toBe(true)
    }
    expect(fileNameOf(node("\ud800", [], {}))).not.toBe(fileNameOf(node("\ufffd", [], {})))
    expect(fileNameOf(node("k", [], {}))).not.toBe(fileNameOf(node("K", [], {})))
    expect(titleOf(node("k", [], { title: "a\nb\u2028c" }))).toBe("a b c")
  })
})

describe("an existing folder", () => {
  it("is left alone, and replaced only where it is an export and the caller says so", async () => {
    const path = freshPath("export")
    await write(path, [memory("a", 1)])
    await expect(write(path, [memory("b", 2)])).rejects.toThrow("run again with --yes to replace it")
    await write(path, [memory("b", 2)], "replace")
    expect((await read(path)).records.map(({ key }) => key)).toEqual(["b"])
    fs.writeFileSync(nodePath.join(path, "mine.txt"), "mine")
    await expect(write(path, [memory("c", 3)], "replace")).rejects.toThrow("something else of that name")
    expect(fs.readFileSync(nodePath.join(path, "mine.txt"), "utf8")).toBe("mine")
    expect(leftovers(path)).toEqual([])
  })

  it("that is empty is taken, a file never", async () => {
    const path = freshPath("export")
    fs.mkdirSync(path)
    await write(path, [memory("a", 1)])
    expect(fs.readdirSync(path)).toHaveLength(2)
    const file = fileOf("x", "export")
    await expect(write(file, [], "replace")).rejects.toThrow("something else of that name")
    expect(fs.readFileSync(file, "utf8")).toBe("x")
  })

  it("is not touched where the records break off", async () => {
    const path = freshPath("export")
    await write(path, [memory("a", 1)])
    const records = Stream.concat(Stream.make(memory("b", 2)), Stream.fail("broken"))
    const content = { output: { path, existing: "replace" as const }, backend: "x", exportedAt: "", records }
    expect(await Effect.runPromise(Effect.flip(writeMarkdown(content)))).toBe("broken")
    expect((await read(path)).records.map(({ key }) => key)).toEqual(["a"])
    expect(leftovers(path)).toEqual([])
  })
})

describe("an edited body", () => {
  const original = memory("a", 1, {
    title: "Title",
    content: "line\r\nline <!-- /content -->\n",
    tags: ["x, y", "z"],
    created_at: new Temporal("dateTime", "2025-01-01T00:00:00Z")
  })
  const edited = async (change: (text: string) => string) => {
    const path = freshPath("export")
    await write(path, [original, memory("b", 2)])
    const file = nodePath.join(path, fileNameOf(original))
    const before = fs.readFileSync(file, "utf8")
    const after = change(before)
    if (after === before) throw new Error("nothing was changed")
    fs.writeFileSync(file, after)
    return path
  }
  const taken = async (change: (text: string) => string) => {
    const { losses, records } = await read(await edited(change), { preferBody: true })
    return { losses, record: records.find(({ key }) => key === "a") }
  }

  it("is refused, and the message says what to do", async () => {
    const path = await edited((text) => text.replace("# Title", "# Other"))
    const error = await refused(path)
    expect(error.reason).toBe("digest")
    expect(error.message).toMatch(/title-[0-9a-f]{24}\.md: its body was edited.*--prefer-body.*Nothing was written\./)
  })

  it("is no edit where only line ends changed, the last one is missing, or a byte order mark came in front", async () => {
    for (const change of [
      (text: string) => text.replace(/\r?\n/g, "\r\n"),
      (text: string) => text.trimEnd(),
      (text: string) => `\ufeff${text}`
    ]) {
      const { records } = await read(await edited(change))
      expect(fingerprintOf(records)).toEqual(fingerprintOf([original, memory("b", 2)]))
    }
  })

  it("gives title, tags and content where it is preferred, and nothing else", async () => {
    const { losses, record } = await taken((text) =>
      text
        .replace("# Title", "#  New: title ")
        .replace("- **Tags:** x, y, z", "- **Tags:** p, q ,, r")
        .replace("<!-- content -->\nline", "<!-- content -->\nLINE")
        .replace("**Type:** problem", "**Type:** task")
    )
    expect(record?.properties).toEqual({
      ...original.properties,
      title: "New: title",
      tags: ["p", "q", "r"],
      content: "LINE\nline <!-- /content -->\n"
    })
    expect(losses).toEqual([
      "node whose title, tags and content come from its edited body, and nothing else of that: 1 record(s), first a"
    ])
  })

  it("leaves exactly as it was what it did not change", async () => {
    const { record } = await taken((text) => text.replace("# Title", "# Other"))
    expect(record).toEqual({ ...original, properties: { ...original.properties, title: "Other" } })
    expect((await taken((text) => `${text}\nA note.\n`)).record).toEqual(original)
  })

  it("has no tags where the line says none", async () => {
    const { record } = await taken((text) => text.replace("- **Tags:** x, y, z", "- **Tags:**"))
    expect(record?.properties["tags"]).toEqual([])
  })

  it("without its title, its tags or the lines around the content is refused even so", async () => {
    for (const change of [
      (text: string) => text.replace("# Title", "Title"),
      (text: string) => text.replace("<!-- content -->", ""),
      (text: string) => text.replaceAll("<!-- /content -->", ""),
      (text: string) => text.replace("- **Tags:** x, y, z\n", ""),
      (text: string) => text.replace("- **Tags:** x, y, z", "* **Tags:** x"),
      (text: string) => text.replace("- **Tags:** x, y, z", "- **Tags**: x"),
      (text: string) => text.replace("- **Tags:** x, y, z", "Tags: x")
    ]) {
      const error = await refused(await edited(change), { preferBody: true })
      expect(error).toMatchObject({ reason: "schema", key: "a" })
    }
  })

  it("does not hide that the front matter was changed", async () => {
    const path = await edited((text) => text.replace("# Title", "# New").replace('"title":"Title"', '"title":"Titel"'))
    expect((await refused(path, { preferBody: true })).reason).toBe("fingerprint")
  })
})

describe("a damaged document is refused", () => {
  const GRAPH = [memory("a", 1), memory("b", 2), relationship("r", "a", "SOLVES", "b", { id: "r" })]
  const damaged = async (change: (text: string) => string, file = fileNameOf(memory("a", 1))) => {
    const path = freshPath("export")
    await write(path, GRAPH)
    const at = nodePath.join(path, file)
    const before = fs.readFileSync(at, "utf8")
    const after = change(before)
    if (after === before) throw new Error("nothing was changed")
    fs.writeFileSync(at, after)
    return path
  }
  const front = (from: string | RegExp, to: string) => (text: string) => text.replace(from, () => to)

  it.each([
    ["a value of the record", front('"importance":0.1', '"importance":0.2'), "fingerprint"],
    ["an integer that became a float", front('"usage_count":1,', '"usage_count":1.0,'), "fingerprint"],
    ["a record that is no JSON", front('{"node":"a"', '{"node:"a"'), "syntax"],
    ["a record with a key twice", front('{"node":"a"', '{"node":"a","node":"b"'), "duplicate-key"],
    ["another member in a record", front('{"node":"a"', '{"x":1,"node":"a"'), "schema"],
    [
      "a relationship instead of a node",
      front(/\{"node":.*/, '{"relationship":null,"type":"X","from":"a","to":"a","properties":{}}'),
      "schema"
    ],
    [
      "a node among the relationships",
      front(/\{"relationship":.*/, '{"node":"x","labels":[],"properties":{}}'),
      "schema"
    ],
    ["no record", front(/record: .*\n.*\n/, ""), "schema"],
    ["another version", front("version: 1", "version: 2"), "unsupported-version"],
    ["a version that is text", front("version: 1", 'version: "1"'), "unsupported-version"],
    ["a field twice", front("version: 1", "version: 1\nversion: 1"), "duplicate-key"],
    ["a field that nobody knows", front("version: 1", "version: 1\nmood: 1"), "schema"],
    ["a tag", front("version: 1", "version: !!int 1"), "schema"],
    ["a tag of a program", front("version: 1", 'version: 1\nx: !!js/function "f"'), "schema"],
    ["an anchor", front("version: 1", "version: &a 1"), "schema"],
    ["an alias", front("version: 1", "version: &a 1\nx: *a"), "schema"],
    ["a merge key", front("version: 1", "version: 1\n<<: {a: 1}"), "schema"],
    ["a list for a value", front("version: 1", "version: 1\nx: [1]"), "schema"],
    ["a key that is a list", front("version: 1", "version: 1\n? [a]\n: 1"), "schema"],
    ["a second document", front("version: 1", "version: 1\n...\nx: 1"), "syntax"],
    ["deep nesting", front("version: 1", `version: 1\nx: ${"[".repeat(10_000)}`), "syntax"],
    ["very deep nesting", front("version: 1", `version: 1\nx: ${"[".repeat(20_000)}`), "too-large"],
    ["front matter that does not end", (text: string) => text.slice(0, text.indexOf("body: ")), "syntax"],
    [
      "a page that is none of ours",
      (text: string) => text.replace("memorygraph: node", "memorygraph: toString"),
      "unknown-format"
    ],
    ["nothing but text", () => "# Hello\n", "syntax"]
  ])("with %s", async (_what, change, reason) => {
    const error = await refused(await damaged(change))
    expect([error.reason, error.message]).toEqual([reason, expect.stringContaining("Nothing was written.")])
  })

  it.each([
    ["a count", /\nnodes: 2/, "\nnodes: 3", "counts"],
    ["a count that is text", /\nnodes: 2/, '\nnodes: "2"', "counts"],
    ["a sum", /nodes_sum: "./, 'nodes_sum: "x', "fingerprint"],
    ["a fingerprint", /mg1:..../, "mg1:0000", "fingerprint"]
  ])("with %s of the index changed", async (_what, from, to, reason) => {
    expect((await refused(await damaged(front(from, to), "index.md"))).reason).toBe(reason)
  })

  it("with a file missing, doubled or added", async () => {
    const without = freshPath("export")
    await write(without, GRAPH)
    fs.rmSync(nodePath.join(without, fileNameOf(memory("b", 2))))
    expect((await refused(without)).reason).toBe("counts")
    await write(without, GRAPH, "replace")
    fs.copyFileSync(nodePath.join(without, fileNameOf(memory("b", 2))), nodePath.join(without, "copy.md"))
    expect((await refused(without)).reason).toBe("counts")
    fs.writeFileSync(nodePath.join(without, "copy.md"), "hello")
    expect(await refused(without)).toMatchObject({ reason: "syntax", message: expect.stringContaining("copy.md: ") })
    fs.rmSync(nodePath.join(without, "copy.md"))
    fs.rmSync(nodePath.join(without, "index.md"))
    expect((await refused(without)).reason).toBe("truncated")
  })
})
