/** Messages are written for the command line; here they name the tools and arguments that do the same. */

const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/or replace it with --yes/g, "or give overwrite true"],
  [/run again with --yes to replace it/g, "call again with overwrite true to replace it"],
  [/--on-(conflict|error|unkeyed) (\w+)/g, "on_$1 $2"],
  [/"memorygraph runs" (lists|shows)/g, "list_runs $1"],
  [/"memorygraph runs rollback ([\w-]+)"/g, "rollback_run with run $1"],
  [/"memorygraph runs (resume|prune) ([\w-]+)"/g, '"memorygraph runs $1 $2" at the command line'],
  [/--since\b/g, "since"]
]

/** A message in the words of the tools. */
export const toolWords = (message: string): string =>
  WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), message)
