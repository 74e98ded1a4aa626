/**
 * Counts how often a key was seen, for any number of keys in bounded memory: up to a limit in a Map, beyond it in a
 * private SQLite file that the engine deletes by itself.
 */
import type Database from "better-sqlite3"
import { temporaryDatabase as openTemporary } from "../files/temporaryDatabase.ts"

/** Keys held in memory before the counter moves to disk; about 60 MB of 36-character keys at the default. */
const LIMIT = 400_000

export class KeyCounter {
  private readonly limit: number
  private memory: Map<string, number> | undefined = new Map()
  private disk: DiskCounter | undefined

  constructor(limit: number = LIMIT) {
    this.limit = limit
  }

  /** How often the key was added. */
  get(key: string): number {
    return this.memory?.get(key) ?? this.disk?.get(key) ?? 0
  }

  /** Adds the key once more; returns how often it had been added before. */
  add(key: string): number {
    if (this.memory !== undefined) {
      const before = this.memory.get(key) ?? 0
      this.memory.set(before === 0 ? ownText(key) : key, before + 1)
      if (this.memory.size > this.limit) this.spill(this.memory)
      return before
    }
    return this.disk?.add(key) ?? 0
  }

  /** Sets the number of a key. */
  put(key: string, value: number): void {
    if (this.memory === undefined) return this.disk?.put(key, value)
    this.memory.set(this.memory.has(key) ? key : ownText(key), value)
    if (this.memory.size > this.limit) this.spill(this.memory)
  }

  private spill(memory: Map<string, number>): void {
    this.disk = new DiskCounter(memory)
    this.memory = undefined
  }

  /** Frees the memory or the file. */
  close(): void {
    this.memory = undefined
    this.disk?.close()
    this.disk = undefined
  }
}

class DiskCounter {
  // An empty name is SQLite's own temporary file: unlinked at once, spilled to disk beyond the cache.
  private readonly db: Database.Database
  private readonly select: Database.Statement<[Buffer], number>
  private readonly upsert: Database.Statement<[Buffer, number]>

  constructor(seen: ReadonlyMap<string, number>) {
    this.db = openTemporary()
    this.db.exec("CREATE TABLE key (key BLOB PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID; BEGIN")
    this.select = this.db.prepare<[Buffer], number>("SELECT seen FROM key WHERE key = ?").pluck()
    this.upsert = this.db.prepare("INSERT INTO key VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET seen = excluded.seen")
    for (const [key, count] of seen) this.upsert.run(bytes(key), count)
  }

  get(key: string): number {
    return this.select.get(bytes(key)) ?? 0
  }

  add(key: string): number {
    const before = this.get(key)
    this.put(key, before + 1)
    return before
  }

  put(key: string, value: number): void {
    this.upsert.run(bytes(key), value)
  }

  close(): void {
    this.db.close()
  }
}

// A string cut out of a text keeps all of that text in memory: a document's keys would keep the document. This one is
// new. JSON escapes lone surrogates, so that they come back as they were.
const ownText = (key: string): string => JSON.parse(JSON.stringify(key))

// UTF-16 bytes keep lone surrogates apart, which UTF-8 text would merge.
const bytes = (key: string): Buffer => Buffer.from(key, "utf16le")
