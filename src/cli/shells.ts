/**
 * Completion scripts for bash, zsh and fish, from what the help is drawn from. They are static, but for the names of
 * stores, which they ask the program for (`memorygraph completions stores`).
 */
import { type Documented, helpOf } from "./help.ts"

/** The names that the package installs. */
const PROGRAMS = ["memorygraph", "memorygraph-migrate"]

/** What can stand at a place: one of some words, a store (or a file), a file, or anything. */
type Value = { readonly words: ReadonlyArray<string> } | "store" | "file" | "anything"

interface Option {
  readonly name: string
  readonly text: string
  /** Undefined for a switch. */
  readonly value: Value | undefined
}

interface Completed {
  readonly name: string
  readonly summary: string
  readonly options: ReadonlyArray<Option>
  readonly first: Value
}

const valueOf = (placeholder: string): Value => {
  if (/^STORE$/.test(placeholder)) return "store"
  if (/^(FILE|FOLDER)$/.test(placeholder)) return "file"
  return placeholder.includes("|") && placeholder === placeholder.toLowerCase()
    ? { words: placeholder.split("|") }
    : "anything"
}

const ACTIONS = /^((?:[a-z-]+, )+[a-z-]+)/

const firstOf = (command: Documented): Value => {
  const [first] = helpOf(command).arguments
  if (first === undefined) return "anything"
  const actions = ACTIONS.exec(first.text)?.[1]
  if (/^(ACTION|SHELL)/.test(first.term) && actions !== undefined) return { words: actions.split(", ") }
  return /FILE/.test(first.term) && !/STORE/.test(first.term) ? "file" : "store"
}

const completed = (commands: ReadonlyArray<Documented>): ReadonlyArray<Completed> =>
  commands.map((command) => ({
    name: command.name,
    summary: helpOf(command).summary,
    options: helpOf(command).allOptions.flatMap(({ term, text }) => {
      const [, name, placeholder] = /(--[\w-]+)(?:[ =](\S+))?/.exec(term) ?? []
      return name === undefined
        ? []
        : [{ name, text, value: placeholder === undefined ? undefined : valueOf(placeholder) }]
    }),
    first: firstOf(command)
  }))

const STORES = `$(${PROGRAMS[0]} completions stores 2>/dev/null)`

const bashWords = (value: Value): string =>
  value === "store" ? STORES : typeof value === "string" ? "" : value.words.join(" ")

const bash = (commands: ReadonlyArray<Completed>): ReadonlyArray<string> => [
  "# Completions of memorygraph for bash. Where nothing fits, bash completes file names.",
  "_memorygraph() {",
  '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words=""',
  "  COMPREPLY=()",
  '  if [ "$COMP_CWORD" -eq 1 ]; then',
  `    words="${commands.map(({ name }) => name).join(" ")} --help --version"`,
  "  else",
  '    case "${COMP_WORDS[1]} $prev" in',
  ...commands.flatMap(({ name, options }) =>
    options.flatMap(({ name: option, value }) =>
      value === undefined ? [] : [`      "${name} ${option}") words="${bashWords(value)}" ;;`]
    )
  ),
  "      *)",
  '        case "${COMP_WORDS[1]} $cur" in',
  ...commands.flatMap(({ first, name, options }) => [
    `          "${name} -"*) words="${options.map((option) => option.name).join(" ")} --help" ;;`,
    ...(bashWords(first) === "" ? [] : [`          "${name} "*) words="${bashWords(first)}" ;;`])
  ]),
  "        esac ;;",
  "    esac",
  "  fi",
  '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
  "}",
  `complete -o bashdefault -o default -F _memorygraph ${PROGRAMS.join(" ")}`
]

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
const described = (name: string, text: string): string => quoted(`${name}:${text.replaceAll(":", "\\:")}`)

const zshValue = (value: Value): string => {
  if (value === "store") return `compadd -- ${STORES}; _files`
  return typeof value === "string" ? "_files" : `compadd -- ${value.words.join(" ")}`
}

const zsh = (commands: ReadonlyArray<Completed>): ReadonlyArray<string> => [
  `#compdef ${PROGRAMS.join(" ")}`,
  "# Completions of memorygraph for zsh.",
  "_memorygraph() {",
  "  local -a found",
  "  if (( CURRENT == 2 )); then",
  "    found=(",
  ...commands.map(({ name, summary }) => `      ${described(name, summary)}`),
  "    )",
  "    _describe command found",
  "    return",
  "  fi",
  '  case "$words[2] $words[CURRENT-1]" in',
  ...commands.flatMap(({ name, options }) =>
    options.flatMap(({ name: option, value }) =>
      value === undefined ? [] : [`    "${name} ${option}") ${zshValue(value)}; return ;;`]
    )
  ),
  "  esac",
  '  case "$words[2] $words[CURRENT]" in',
  ...commands.flatMap(({ first, name, options }) => [
    `    "${name} -"*)`,
    "      found=(",
    ...options.map((option) => `        ${described(option.name, option.text)}`),
    "      )",
    "      _describe -o option found ;;",
    `    "${name} "*) ${zshValue(first)} ;;`
  ]),
  "  esac",
  "}",
  'if [ "$funcstack[1]" = "_memorygraph" ]; then',
  '  _memorygraph "$@"',
  "else",
  "  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }",
  `  compdef _memorygraph ${PROGRAMS.join(" ")}`,
  "fi"
]

const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`

const fishValue = (value: Value | undefined): string => {
  if (value === undefined) return ""
  if (value === "store") return ` -r -F -a ${fishQuoted(`(${PROGRAMS[0]} completions stores 2>/dev/null)`)}`
  if (value === "file") return " -r -F"
  return value === "anything" ? " -x" : ` -x -a ${fishQuoted(value.words.join(" "))}`
}

const fish = (commands: ReadonlyArray<Completed>): ReadonlyArray<string> => [
  "# Completions of memorygraph for fish.",
  ...PROGRAMS.flatMap((program) => [
    ...commands.map(
      ({ name, summary }) => `complete -c ${program} -f -n __fish_use_subcommand -a ${name} -d ${fishQuoted(summary)}`
    ),
    ...commands.flatMap(({ first, name, options }) => {
      const on = `complete -c ${program} -n '__fish_seen_subcommand_from ${name}'`
      const words = first === "file" || first === "anything" ? "" : fishValue(first).replace(/^ (-r -F|-x)/, "")
      return [
        ...(words === "" ? [] : [`${on}${words}`]),
        ...options.map(
          (option) => `${on} -l ${option.name.slice(2)}${fishValue(option.value)} -d ${fishQuoted(option.text)}`
        )
      ]
    })
  ])
]

const GENERATORS = {
  bash,
  zsh,
  fish,
  // A plain shell completes nothing; what sources this there is not disturbed.
  sh: () => ["# A plain sh has no completions; bash, zsh and fish have."]
}

/** The script for a shell. */
export const script = (shell: keyof typeof GENERATORS, commands: ReadonlyArray<Documented>): ReadonlyArray<string> =>
  GENERATORS[shell](completed(commands))
