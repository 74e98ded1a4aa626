/** Foreign text made harmless: no markup, no control characters, no change of the reading direction. */

// Controls, and the characters that turn the direction of what follows or are not seen at all.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu

const CONTROL_PICTURES = 0x2400

const named = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return code < 0x20
    ? String.fromCodePoint(CONTROL_PICTURES + code)
    : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`
}

/** The text with everything unseen made visible; lone surrogates become U+FFFD. */
export const visible = (text: string): string => text.toWellFormed().replace(UNSEEN, named)

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text for HTML and SVG, also within an attribute's quotes. */
export const html = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)

/** Text for Markdown: on one line, with nothing in it that Markdown or GitHub reads as more than text. */
export const markdown = (text: string): string =>
  visible(text)
    .replaceAll(/\s+/g, " ")
    .replace(/[&<>]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[\\`*_[\]#|~$]/g, String.raw`\$&`)
    // GitHub makes links of these wherever they stand.
    .replaceAll("@", "&#64;")
    .replaceAll("://", "&#58;//")
    .replaceAll(/\bwww\./gi, (found) => `${found.slice(0, -1)}&#46;`)
    .replace(/^\s*[-+=]/, String.raw`\$&`)
    .replace(/^(\s*\d+)([.)])/, String.raw`$1\$2`)

/** Text as Markdown code, also within a table. */
export const markdownCode = (text: string): string => {
  const line = visible(text).replaceAll(/\s+/g, " ")
  if (line.trim() === "") return ""
  const longest = Math.max(0, ...Array.from(line.matchAll(/`+/g), ([run]) => run.length))
  const fence = "`".repeat(longest + 1)
  const pad = /^[` ]|[` ]$/.test(line) ? " " : ""
  return `${fence}${pad}${line.replaceAll("|", String.raw`\|`)}${pad}${fence}`
}
