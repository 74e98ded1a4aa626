/** How much of what an agent has said is said back to it: none of its secrets, and not at any length. */

/** How much of a name is repeated, in characters. */
const SHOWN = 200

export const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text)

/** A name as it may be repeated: without what may be a password in it. */
export const shownName = (name: string): string =>
  cut(
    name
      .replace(/^([\w+.-]+:\/\/)?.*@/s, "$1***@")
      // Where a host was forgotten, the password stands where the port would.
      .replace(/^([\w+.-]+:\/\/[^/?#[\]]*?):(?!\d*(?:[/?#]|$))[^/?#]*/s, "$1:***")
      .replace(/^([\w+.-]+:\/\/[^?#]*)[?#].*$/s, "$1")
  )

/**
 * True for a word that may hold a password where none belongs, and would be repeated as a part of a path or as the name
 * of a database: an address without its scheme, or one whose password has an unescaped slash in it.
 */
export const mayHoldPassword = (word: string): boolean =>
  /^[\w+.-]+:\/\//.test(word) ? /^[\w+.-]+:\/\/[^@/?#]*[/?#].*@/s.test(word) : /:.*@/s.test(word)
