/**
 * Writing tar archives (ustar) of small plain files. Our own, because it is sixty lines: names are short ASCII, there is
 * one kind of entry, and a library would bring its own streams.
 */
import { checksum } from "./tar-read.ts"

const BLOCK = 512
const MAX_NAME = 100
const MAX_SIZE = 8 ** 11 - 1

const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, "0")}\0`

/** The header of a file of `size` bytes; mode 0600, nobody's in particular. `modified` counts seconds since 1970. */
export const tarHeader = (name: string, size: number, modified: number): Buffer => {
  if (Buffer.byteLength(name) > MAX_NAME || size > MAX_SIZE) throw new RangeError(`${name} does not fit a tar archive`)
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0)
  block.write(octal(0o600, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(Math.max(0, modified), 12), 136)
  block.write("0", 156)
  block.write("ustar\u000000", 257)
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148)
  return block
}

/** What fills a file of `size` bytes up to whole blocks. */
export const tarPadding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

/** What an archive ends with. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK)
