/** What the client at the other end can do: hear of progress, ask its person, say which folders it shares. */
import type { Server } from "@modelcontextprotocol/sdk/server/index.js"
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js"
import type { ServerNotification, ServerRequest } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import { Refused } from "../domain/Errors.ts"
import type { Call, Consent } from "./call.ts"

/** How long a person is waited for, in milliseconds. */
const ASKING = 10 * 60_000
/** How long the client's roots are waited for, in milliseconds. */
const LISTING = 5000

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/** The client of a server. */
export interface Client {
  /** What it brings to a call. */
  readonly call: (extra: Extra) => Pick<Call, "ask" | "notify">
  /** The folders that it shares, as URIs; undefined where it does not say. Asked once, until it tells of a change. */
  readonly roots: Effect.Effect<ReadonlyArray<string> | undefined, Refused>
  readonly forgetRoots: () => void
}

const notifier = ({ _meta, sendNotification }: Extra): Call["notify"] => {
  const token = _meta?.progressToken
  if (token === undefined) return undefined
  return (progress, message) => {
    sendNotification({
      method: "notifications/progress",
      params: { progressToken: token, progress, total: 100, message }
    }).catch(() => {
      // The client is gone, and its end of the wire tells that by itself.
    })
  }
}

const FORM = {
  type: "object",
  properties: {
    confirm: { type: "boolean", title: "Carry it out", description: "Nothing is written otherwise.", default: false }
  },
  required: ["confirm"]
} as const

const asker = (server: Server, { requestId, signal }: Extra): Call["ask"] => {
  if (server.getClientCapabilities()?.elicitation?.form === undefined) return undefined
  return (message): Effect.Effect<Consent> =>
    Effect.promise((interrupted) =>
      server
        .elicitInput(
          { message, requestedSchema: { ...FORM, required: [...FORM.required] } },
          { signal: AbortSignal.any([signal, interrupted]), timeout: ASKING, relatedRequestId: requestId }
        )
        .then(
          (said) => (said.action === "accept" && said.content?.["confirm"] === true ? "yes" : "no"),
          // It says that it can ask and cannot: the two steps remain.
          () => "unasked"
        )
    )
}

/** Makes the server's view of its client. */
export const make = (server: Server): Client => {
  let known: Promise<ReadonlyArray<string>> | undefined
  const list = () => {
    known ??= server.listRoots({}, { timeout: LISTING }).then(({ roots }) => roots.map(({ uri }) => uri))
    return known
  }
  const forgetRoots = () => {
    known = undefined
  }
  return {
    forgetRoots,
    call: (extra) => ({ notify: notifier(extra), ask: asker(server, extra) }),
    roots: Effect.suspend(() =>
      server.getClientCapabilities()?.roots === undefined
        ? Effect.succeed(undefined)
        : Effect.tryPromise({
            try: list,
            catch: () => {
              forgetRoots()
              return new Refused({
                reason: "not-allowed",
                message:
                  "The client says that it shares folders, but did not say which when it was asked. Nothing was read or written. Call again."
              })
            }
          })
    )
  }
}
