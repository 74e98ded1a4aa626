/**
 * The records that stay as the target has them: key to canonical line. Any number of them in bounded memory: up to a
 * limit in a Map, beyond it in a private SQLite file that the engine deletes by itself.
 */
import type Database from "better-sqlite3"
import type { GraphRecord } from "../domain/Graph.ts"
import { temporaryDatabase as openTemporary } from "../files/temporaryDatabase.ts"

/** UTF-16 units held in memory before the lines move to disk. */
const LIMIT = 32_000_000

// UTF-16 bytes keep lone surrogates apart, which UTF-8 text would merge.
const bytes = (name: string): Buffer => Buffer.from(name, "utf16le")

export class KeptRecords {
  private readonly limit: number
  private readonly memory = new Map<string, string>()
  private held = 0
  private db: Database.Database | undefined
  private select: Database.Statement<[Buffer], string> | undefined

  constructor(limit: number = LIMIT) {
    this.limit = limit
  }

  /** Notes what the target holds under a key. */
  add(tag: GraphRecord["_tag"], key: string, line: string): void {
    this.memory.set(tag + key, line)
    this.held += key.length + line.length
    if (this.held > this.limit) this.spill()
  }

  /** The line of that state, where the record was kept. */
  get(tag: GraphRecord["_tag"], key: string): string | undefined {
    const name = tag + key
    return this.memory.get(name) ?? this.select?.get(bytes(name))
  }

  private spill(): void {
    if (this.db === undefined) {
      // An empty name is SQLite's own temporary file.
      this.db = openTemporary()
      this.db.exec("CREATE TABLE kept (name BLOB PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID; BEGIN")
      this.select = this.db.prepare<[Buffer], string>("SELECT line FROM kept WHERE name = ?").pluck()
    }
    const insert = this.db.prepare("INSERT OR REPLACE INTO kept VALUES (?, ?)")
    for (const [name, line] of this.memory) insert.run(bytes(name), line)
    this.memory.clear()
    this.held = 0
  }

  /** Frees the memory or the file. */
  close(): void {
    this.memory.clear()
    this.select = undefined
    this.db?.close()
    this.db = undefined
  }
}
