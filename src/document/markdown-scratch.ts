/**
 * What writing a Markdown document must look up: which file a node has, and which relationships begin at it. A private
 * SQLite file, so that a graph of any size needs no more memory than a small one.
 */
import * as fs from "node:fs"
import * as nodePath from "node:path"
import * as crypto from "node:crypto"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { canonicalLine } from "../domain/Canonical.ts"
import type { FileFailed } from "../domain/Errors.ts"
import * as Fingerprint from "../domain/Fingerprint.ts"
import type { GraphRecord } from "../domain/Graph.ts"
import { attempt } from "./file-write.ts"
import type { Link } from "./markdown-body.ts"
import { fileNameOf, titleOf } from "./markdown-names.ts"

/** A node's relationship: its canonical line, and how its file shows it. */
export interface StoredLink {
  readonly line: string
  readonly link: Link
}

// Keys as JSON: SQLite's text would merge lone surrogates.
const text = (key: string): string => JSON.stringify(key)

interface Row {
  readonly at: number
  readonly line: string
  readonly type: string
  readonly file: string
  readonly title: string
}

// Rows are fetched in pages: an open cursor would keep the file from being closed when the writing is interrupted.
const PAGE = 1000

export class MarkdownScratch {
  readonly fingerprint = new Fingerprint.Builder()
  private readonly db: Database.Database
  private readonly addNode: Database.Statement<[string, string, string]>
  private readonly addLink: Database.Statement<[string, string, string, string]>
  private readonly links: Database.Statement<[string, number], Row>
  private readonly nodes: Database.Statement<[number], Omit<Row, "line" | "type">>
  private indexed = false

  constructor(path: string) {
    this.db = new Database(path)
    this.db.exec(
      `PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;
       CREATE TABLE node (at INTEGER PRIMARY KEY, key TEXT NOT NULL, file TEXT NOT NULL, title TEXT NOT NULL);
       CREATE TABLE link (at INTEGER PRIMARY KEY, start TEXT NOT NULL, goal TEXT NOT NULL, type TEXT NOT NULL, line TEXT NOT NULL);
       BEGIN`
    )
    this.addNode = this.db.prepare("INSERT INTO node (key, file, title) VALUES (?, ?, ?)")
    this.addLink = this.db.prepare("INSERT INTO link (start, goal, type, line) VALUES (?, ?, ?, ?)")
    this.links = this.db.prepare(
      `SELECT link.at, link.line, link.type, node.file, node.title FROM link JOIN node ON node.key = link.goal
       WHERE link.start = ? AND link.at > ? ORDER BY link.at LIMIT ${PAGE}`
    )
    this.nodes = this.db.prepare(`SELECT at, file, title FROM node WHERE at > ? ORDER BY at LIMIT ${PAGE}`)
  }

  /** Takes records of the graph, each once. */
  add(records: Iterable<GraphRecord>): void {
    for (const record of records) {
      const line = canonicalLine(record)
      this.fingerprint.addLine(record._tag, line)
      if (record._tag === "Node") this.addNode.run(text(record.key), fileNameOf(record), titleOf(record))
      else this.addLink.run(text(record.from), text(record.to), text(record.type), line)
    }
  }

  /** Says that every record was taken; the rest can be asked from then on. */
  finish(): void {
    if (this.indexed) return
    this.indexed = true
    this.db.exec("CREATE INDEX node_key ON node (key); CREATE INDEX link_start ON link (start)")
  }

  /** The relationships that begin at a node, in their order. */
  *linksOf(key: string): Generator<StoredLink> {
    const start = text(key)
    for (const { file, line, title, type } of paged((after) => this.links.all(start, after))) {
      yield { line, link: { type: String(JSON.parse(type)), title, file } }
    }
  }

  /** Every node's title and file, in the graph's order. */
  files(): Iterable<{ readonly file: string; readonly title: string }> {
    return paged((after) => this.nodes.all(after))
  }

  close(): void {
    this.db.close()
  }
}

function* paged<A extends { readonly at: number }>(fetch: (after: number) => ReadonlyArray<A>): Generator<A> {
  for (let after = 0; ;) {
    const rows = fetch(after)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.at
  }
}

/** A scratch in a file of this folder; gone with the scope. */
export const makeScratch = (folder: string): Effect.Effect<MarkdownScratch, FileFailed, Scope.Scope> =>
  Effect.suspend(() => {
    const path = nodePath.join(folder, `.mg-${crypto.randomUUID()}.tmp`)
    return Effect.acquireRelease(
      attempt(path, async () => {
        fs.closeSync(fs.openSync(path, "wx", 0o600))
        return new MarkdownScratch(path)
      }),
      (scratch) =>
        Effect.sync(() => {
          scratch.close()
          fs.rmSync(path, { force: true })
        })
    )
  })
