/** Text of every kind that has ever broken a store: as values, and as the names of things. */
import * as FastCheck from "effect/FastCheck"
import type { Arbitrary } from "effect/FastCheck"

/** Texts that some store, client or format is known to change; also the fixed part of the conformance suite. */
export const ODD_TEXTS: ReadonlyArray<string> = [
  "",
  " ",
  " leading and trailing ",
  "\0",
  "before\0after",
  "\u0001\b\t\n\v\f\r\u001f\u007f\u0080\u0085\u009f",
  "line\r\nline\nline\rline\u2028line\u2029line",
  "\ufeffbyte order mark",
  "e\u0301 is not \u00e9",
  "\ufb00 \u0130 \u00df \u1e9e",
  "\u202eright to left\u202c \u0627\u0644",
  "\u{1f600}\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "\u{10ffff}\ufffe\uffff\ufffd",
  "\ud800",
  "high \ud83d alone, low \ude00 alone",
  "\ude00\ud83d",
  "'single' \"double\" `backtick` \\backslash\\",
  "'; DROP TABLE nodes; --",
  "}) DETACH DELETE n //",
  "$name {x: 1} %s %d ${y} :param",
  "\\u0041 \\n \\0 \\",
  '{"$date":"2024-02-29"}',
  "2024-02-29T12:00:00.000Z",
  "1.0",
  "9007199254740993",
  "NaN",
  "null",
  "true",
  "[]",
  "---\n# not front matter\n---",
  "x".repeat(70_000),
  "\u00fc\u{1f600}".repeat(5_000)
]

/** Property names that some store, client or language treats specially. */
export const ODD_NAMES: ReadonlyArray<string> = [
  "",
  " ",
  "a b",
  "a.b",
  "a-b",
  "1",
  "0x",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "`",
  "a`b",
  "``",
  "'",
  '"',
  "\\",
  "a\\`b",
  "$date",
  "$map",
  "$",
  "@",
  "\u00fcn\u00ef",
  "e\u0301",
  "\u{1f600}",
  "\u043a\u043e\u0434",
  "new\nline",
  "nul\0",
  "\ud800",
  "x".repeat(300),
  "_id",
  "ID",
  "Id",
  "id ",
  "key",
  "from",
  "to",
  "node",
  "label",
  "labels",
  "type",
  "properties",
  "rowid",
  "from_id",
  "rel_type",
  "created_at",
  "updated_at",
  "valid_from",
  "valid_until",
  "recorded_at",
  "_mg",
  "mg_id"
]

/** Labels and relationship types that have to be quoted, escaped or measured. */
export const ODD_LABELS: ReadonlyArray<string> = [
  "lower",
  "With Space",
  "With-Dash",
  "With.Dot",
  "1Digit",
  "Back`tick",
  "Quote'd",
  'Double"d',
  "Back\\slash",
  "A:B",
  "A|B",
  "A,B",
  "[x]",
  "\u00dcn\u00ef",
  "\u{1f600}",
  "e\u0301",
  "MATCH",
  "__proto__",
  "constructor",
  "memory",
  "L".repeat(200)
]

/** Keys that look harmless and are not. */
export const ODD_KEYS: ReadonlyArray<string> = [
  "\u00fcn\u00ef/\u043a\u043e\u0434 1",
  "e\u0301",
  "\u00e9",
  "a",
  "A",
  "a ",
  " a",
  "0",
  "00",
  "1e3",
  "-1",
  "null",
  "__proto__",
  "constructor",
  "back`tick",
  "quote'quote",
  'double"double',
  "back\\slash",
  "new\nline",
  "../../etc/passwd",
  "%",
  "_",
  "$1",
  "\u{1f600}",
  "k".repeat(500)
]

const loneSurrogate = FastCheck.constantFrom("\ud800", "\udbff", "\udc00", "\udfff")

/** Text that UTF-8 can say: no lone surrogates; NUL and every other character do occur. */
export const wellFormedText: Arbitrary<string> = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.string({ unit: "binary", maxLength: 40 }) },
  { weight: 2, arbitrary: FastCheck.string({ unit: "grapheme", maxLength: 40 }) },
  { weight: 2, arbitrary: FastCheck.string({ maxLength: 40 }) },
  { weight: 1, arbitrary: FastCheck.constantFrom(...ODD_TEXTS.filter((text) => text.isWellFormed())) }
)

/** Any JavaScript string, lone surrogates included. */
export const text: Arbitrary<string> = FastCheck.oneof(
  { weight: 6, arbitrary: wellFormedText },
  { weight: 1, arbitrary: FastCheck.constantFrom(...ODD_TEXTS) },
  {
    weight: 1,
    arbitrary: FastCheck.string({
      unit: FastCheck.oneof(FastCheck.string({ unit: "binary", minLength: 1, maxLength: 1 }), loneSurrogate),
      maxLength: 10
    })
  }
)

const reserved = (name: string) => name.startsWith("_mg_")

/** A property's name, `id` excepted: that one has a meaning and is set by the arbitraries of records. */
export const propertyName: Arbitrary<string> = FastCheck.oneof(
  { weight: 3, arbitrary: FastCheck.string({ minLength: 1, maxLength: 12 }) },
  { weight: 3, arbitrary: FastCheck.constantFrom(...ODD_NAMES) },
  { weight: 1, arbitrary: FastCheck.string({ unit: "binary", maxLength: 12 }) }
).filter((name) => name !== "id" && !reserved(name))

/** Labels: those that MemoryGraph programs use, and odd ones. Never empty, never one that this product keeps. */
export const label: Arbitrary<string> = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.constantFrom("Memory", "Entity", "Outcome", "Session") },
  { weight: 2, arbitrary: FastCheck.constantFrom(...ODD_LABELS) },
  { weight: 1, arbitrary: FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) }
).filter((name) => !name.startsWith("_Mg"))

/** Relationship types that MemoryGraph programs use. */
export const memoryType: Arbitrary<string> = FastCheck.constantFrom(
  "SOLVES",
  "CAUSES",
  "REQUIRES",
  "RELATED_TO",
  "CONTRADICTS",
  "LEADS_TO",
  "IMPROVES"
)

/** Relationship types: those that MemoryGraph programs use, and odd ones. Never empty. */
export const relationshipType: Arbitrary<string> = FastCheck.oneof(
  { weight: 3, arbitrary: memoryType },
  { weight: 1, arbitrary: FastCheck.constantFrom(...ODD_LABELS, "MENTIONS") },
  { weight: 1, arbitrary: FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 12 }) }
)

/** A key as programs make them. */
export const plainKey: Arbitrary<string> = FastCheck.uuid()

/** A key: mostly as programs make them, some odd. Never empty. */
export const key: Arbitrary<string> = FastCheck.oneof(
  { weight: 4, arbitrary: plainKey },
  { weight: 2, arbitrary: FastCheck.constantFrom(...ODD_KEYS) },
  { weight: 1, arbitrary: FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 20 }) },
  { weight: 1, arbitrary: text.filter(({ length }) => length > 0 && length < 200) }
)
