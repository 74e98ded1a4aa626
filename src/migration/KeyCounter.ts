/**
 * Counts how often a key was seen, for any number of keys in bounded memory: up to a limit in a table, beyond it in a
 * private SQLite file that the engine deletes by itself.
 */
import type Database from "better-sqlite3"
import { temporaryDatabase as openTemporary } from "../files/temporaryDatabase.ts"
import { KeyBytes, KeyTable } from "./KeyTable.ts"

/** Keys held in memory before the counter moves to disk: about 25 MB of UUIDs. */
const LIMIT = 400_000

/** More bytes of keys than this, and it moves as well: 160 a key. */
const BYTES_PER_KEY = 160

export class KeyCounter {
  private readonly limit: number
  private readonly key = new KeyBytes()
  private memory: KeyTable | undefined = new KeyTable()
  private disk: DiskCounter | undefined

  constructor(limit: number = LIMIT) {
    this.limit = limit
  }

  /** How often the key was added. */
  get(key: string): number {
    this.key.set(key)
    return this.find()
  }

  /** Adds the key once more; returns how often it had been added before. */
  add(key: string): number {
    const before = this.get(key)
    this.write(before + 1)
    return before
  }

  /** Sets the number of a key. */
  put(key: string, value: number): void {
    this.key.set(key)
    this.write(value)
  }

  private find(): number {
    return this.memory?.get(this.key) ?? this.disk?.get(this.key) ?? 0
  }

  private write(value: number): void {
    if (this.memory === undefined) return this.disk?.put(this.key, value)
    this.memory.set(this.key, value)
    if (this.memory.size > this.limit || this.memory.textBytes > this.limit * BYTES_PER_KEY) {
      this.disk = new DiskCounter(this.memory)
      this.memory = undefined
    }
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
  private readonly select: Database.Statement<[Uint8Array], number>
  private readonly upsert: Database.Statement<[Uint8Array, number]>

  constructor(seen: KeyTable) {
    this.db = openTemporary()
    this.db.pragma("cache_size = -16384")
    this.db.exec("CREATE TABLE key (key BLOB PRIMARY KEY, seen INTEGER NOT NULL) WITHOUT ROWID; BEGIN")
    this.select = this.db.prepare<[Uint8Array], number>("SELECT seen FROM key WHERE key = ?").pluck()
    this.upsert = this.db.prepare("INSERT INTO key VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET seen = excluded.seen")
    for (const [key, count] of seen.entries()) this.upsert.run(key, count)
  }

  get(key: KeyBytes): number {
    return this.select.get(key.text) ?? 0
  }

  put(key: KeyBytes, value: number): void {
    this.upsert.run(key.text, value)
  }

  close(): void {
    this.db.close()
  }
}
