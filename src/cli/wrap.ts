/** Lines made to fit a narrow terminal. */

/** Fewer columns than this, and lines are left to the terminal. */
const LEAST = 20

/** Where the second column of a line begins, if it has one: what is wrapped goes on below it. */
const hangOf = (line: string, columns: number): number => {
  const indent = /^ */.exec(line)?.[0].length ?? 0
  const column = /^ *\S+(?: \S+)* {2,}(?=\S)/.exec(line)?.[0].length ?? /^ {6,}(?=\S)/.exec(line)?.[0].length
  return column !== undefined && column <= columns / 2 ? column : Math.min(indent + 2, Math.floor(columns / 2))
}

/**
 * A line as lines of at most `columns`, broken at blanks, and within words that are longer. Any number of columns below
 * 20, as of no terminal at all, leaves it as it is.
 */
export const wrapLine = (line: string, columns: number): ReadonlyArray<string> => {
  if (columns < LEAST || line.length <= columns) return [line]
  const hang = " ".repeat(hangOf(line, columns))
  const lines: Array<string> = []
  let rest = line
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(" ", columns)
    const at = blank > hang.length && rest.slice(0, blank).trim() !== "" ? blank : columns
    lines.push(rest.slice(0, at).trimEnd())
    rest = hang + rest.slice(at).trimStart()
  }
  return [...lines, rest]
}
