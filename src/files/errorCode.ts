/** The code of a system error: `ENOENT`, or the empty string where there is none. */
export const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")
