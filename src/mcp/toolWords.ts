/**
 * Messages are written for the command line; here they name the tools and arguments that do the same. A table of what
 * is known to be said, and nothing cleverer: what is not in it stays as it is.
 */

const ID = "([\\w-]+)"

// A path may hold what looks like a flag.
const flag = (names: string): RegExp => new RegExp(`(?<![\\w/.-])--(${names})(?![\\w.-])`, "g")

const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/or replace it with --yes/g, "or give overwrite true"],
  [/run again with --yes to replace it/g, "call again with overwrite true to replace it"],
  [/Run again with --on-/g, "Call again with --on-"],
  [/(?<![\w/.-])--on-(conflict|error|unkeyed)(?![\w.-])/g, "on_$1"],
  [flag("since|format"), "$1"],
  [/"memorygraph runs" (lists|shows)/g, "list_runs $1"],
  [new RegExp(`"memorygraph runs rollback ${ID}"`, "g"), "rollback_run with run $1"],
  [new RegExp(`"memorygraph runs (resume|prune) ${ID}"`, "g"), '"memorygraph runs $1 $2" at the command line'],
  [/"memorygraph import ([^"]+)"/g, "import_memories with input $1"]
]

/** A message in the words of the tools. */
export const toolWords = (message: string): string =>
  WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), message)
