/**
 * A number for each key, in typed arrays: about 60 bytes for a UUID, half of what a Map takes, and outside the
 * JavaScript heap, which V8 lets grow to twice what it keeps.
 */

/** A code unit from here on takes three bytes: this mark, and its two halves. */
const WIDE = 255
const FIRST_SLOTS = 1024
const FIRST_BYTES = 64 * 1024

/** A key as bytes, and their hash: one byte a code unit, three for rare ones, so that any two keys differ. */
export class KeyBytes {
  bytes = new Uint8Array(256)
  length = 0
  hash = 0
  // Nobody who makes up keys can tell which of them will meet.
  private readonly seed = (Math.random() * 2 ** 32) >>> 0

  /** The bytes of the key, until the next one is taken. */
  get text(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  /** Takes the key of the next question. */
  set(key: string): this {
    if (this.bytes.length < key.length * 3) this.bytes = new Uint8Array(key.length * 3)
    const { bytes } = this
    let [length, hash] = [0, this.seed]
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i)
      hash = Math.imul(hash ^ unit, 0x9e3779b1)
      hash ^= hash >>> 15
      if (unit < WIDE) bytes[length++] = unit
      else {
        bytes[length++] = WIDE
        bytes[length++] = unit >>> 8
        bytes[length++] = unit & 0xff
      }
    }
    this.length = length
    this.hash = hash >>> 0
    return this
  }
}

/** Numbers by key. */
export class KeyTable {
  /** How many keys there are. */
  size = 0
  // The entry's number plus one; 0 where the slot is free. Never more than half of them are taken.
  private slots = new Uint32Array(FIRST_SLOTS)
  private hashes = new Uint32Array(FIRST_SLOTS / 2)
  private values = new Uint32Array(FIRST_SLOTS / 2)
  // Where each entry's text ends in `text`; it begins where the one before ends.
  private ends = new Uint32Array(FIRST_SLOTS / 2)
  private text = new Uint8Array(FIRST_BYTES)

  /** The bytes that the keys take. */
  get textBytes(): number {
    return this.startOf(this.size)
  }

  /** The key's number; `undefined` where there is none. */
  get(key: KeyBytes): number | undefined {
    const entry = this.slots[this.slotOf(key)] ?? 0
    return entry === 0 ? undefined : this.values[entry - 1]
  }

  /** Gives the key a number, below 2^32. */
  set(key: KeyBytes, value: number): void {
    const slot = this.slotOf(key)
    const entry = this.slots[slot] ?? 0
    if (entry === 0) this.append(slot, key, value)
    else this.values[entry - 1] = value
  }

  /** Every key's bytes and number, in the order in which they came. */
  *entries(): Generator<readonly [key: Uint8Array, value: number]> {
    for (let i = 0; i < this.size; i++) {
      yield [this.text.subarray(this.startOf(i), this.startOf(i + 1)), this.values[i] ?? 0]
    }
  }

  private startOf(entry: number): number {
    return entry === 0 ? 0 : (this.ends[entry - 1] ?? 0)
  }

  /** The slot that holds the key, or the free one where it belongs. */
  private slotOf(key: KeyBytes): number {
    const { slots } = this
    const mask = slots.length - 1
    for (let slot = key.hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] ?? 0
      if (entry === 0 || (this.hashes[entry - 1] === key.hash && this.isTextOf(entry - 1, key))) return slot
    }
  }

  private isTextOf(entry: number, { bytes, length }: KeyBytes): boolean {
    const { text } = this
    const start = this.startOf(entry)
    if (this.startOf(entry + 1) - start !== length) return false
    for (let i = 0; i < length; i++) if (text[start + i] !== bytes[i]) return false
    return true
  }

  private append(slot: number, key: KeyBytes, value: number): void {
    const start = this.textBytes
    if (start + key.length > this.text.length) {
      this.text = larger(this.text, new Uint8Array(Math.max(this.text.length * 2, start + key.length)))
    }
    this.text.set(key.text, start)
    this.ends[this.size] = start + key.length
    this.hashes[this.size] = key.hash
    this.values[this.size] = value
    this.slots[slot] = ++this.size
    if (this.size === this.values.length) this.grow()
  }

  private grow(): void {
    const room = this.values.length * 2
    this.ends = larger(this.ends, new Uint32Array(room))
    this.hashes = larger(this.hashes, new Uint32Array(room))
    this.values = larger(this.values, new Uint32Array(room))
    const mask = room * 2 - 1
    const slots = new Uint32Array(room * 2)
    for (let i = 0; i < this.size; i++) {
      let slot = (this.hashes[i] ?? 0) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = i + 1
    }
    this.slots = slots
  }
}

const larger = <A extends Uint8Array | Uint32Array>(before: A, after: A): A => {
  after.set(before)
  return after
}
