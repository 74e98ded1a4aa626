/**
 * A set of keys in little memory: of each it holds 128 bits of a SHA-256, which no two keys share by accident (of a
 * billion keys, with a probability of 10^-21). About 40 bytes a key.
 */
import * as crypto from "node:crypto"

const WORDS = 4
const MAX_LOAD = 0.6

// UTF-8 merges all lone surrogates: such a key is hashed by its UTF-16 units, behind a byte that UTF-8 never has.
const hashOf = (key: string): Buffer =>
  crypto.hash(
    "sha256",
    key.isWellFormed() ? key : Buffer.concat([Buffer.of(0xff), Buffer.from(key, "utf16le")]),
    "buffer"
  )

export class KeySet {
  private slots = new Uint32Array(1024 * WORDS)
  private capacity = 1024
  private used = 0

  /** How many keys there are. */
  get size(): number {
    return this.used
  }

  /** Adds a key; false where it was there already. */
  add(key: string): boolean {
    const words = wordsOf(key)
    const slot = this.find(words)
    if (this.isTaken(slot)) return false
    this.slots.set(words, slot)
    if (++this.used > this.capacity * MAX_LOAD) this.grow()
    return true
  }

  /** True where the key was added. */
  has(key: string): boolean {
    return this.used > 0 && this.isTaken(this.find(wordsOf(key)))
  }

  private isTaken(slot: number): boolean {
    return this.slots[slot] !== 0
  }

  // The first word of a taken slot is never 0.
  private find(words: Uint32Array): number {
    const { capacity, slots } = this
    for (let i = (words[1] ?? 0) % capacity; ; i = (i + 1) % capacity) {
      const slot = i * WORDS
      if (slots[slot] === 0) return slot
      if (
        slots[slot] === words[0] &&
        slots[slot + 1] === words[1] &&
        slots[slot + 2] === words[2] &&
        slots[slot + 3] === words[3]
      ) {
        return slot
      }
    }
  }

  private grow(): void {
    const before = this.slots
    this.capacity *= 2
    this.slots = new Uint32Array(this.capacity * WORDS)
    for (let at = 0; at < before.length; at += WORDS) {
      const words = before.subarray(at, at + WORDS)
      if (words[0] !== 0) this.slots.set(words, this.find(words))
    }
  }
}

const wordsOf = (key: string): Uint32Array => {
  const hash = hashOf(key)
  const words = new Uint32Array(WORDS)
  for (let i = 0; i < WORDS; i++) words[i] = hash.readUInt32LE(i * 4)
  words[0] = (words[0] ?? 0) | 1
  return words
}
