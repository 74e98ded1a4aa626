/** What is wrong with a message before the SDK looks at it, which would answer with a dump of its own, or run out of stack. */

/** No message of the protocol, and no argument of a tool, is nested deeper. */
const MAX_DEPTH = 100

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const isDeep = (value: unknown): boolean => {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true
    level = level.filter(isObject).flatMap((inner) => Object.values(inner))
  }
  return false
}

const isRecord = (value: unknown): value is object => isObject(value) && !Array.isArray(value)

const problemOfCall = (params: unknown): string | undefined => {
  if (!isRecord(params) || !("name" in params) || typeof params.name !== "string") {
    return "params must be an object that holds the name of a tool, a string"
  }
  return "arguments" in params && params.arguments !== undefined && !isRecord(params.arguments)
    ? "arguments must be an object"
    : undefined
}

/** Undefined where the parameters of a message are as they must be; never repeats them. */
export const problemOfParams = (message: unknown): string | undefined => {
  if (isDeep(message)) return `it is nested deeper than ${MAX_DEPTH} levels`
  if (!isObject(message) || !("method" in message) || message.method !== "tools/call") return undefined
  return problemOfCall("params" in message ? message.params : undefined)
}
