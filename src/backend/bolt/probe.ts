/**
 * Asks a port for its Bolt version before the driver does: the driver has no time limit for a handshake, and where
 * somebody listens and says nothing its socket stays open, which keeps the whole process from ending.
 */
import * as Effect from "effect/Effect"
import * as net from "node:net"
import * as tls from "node:tls"
import { driverFailure, type DriverFailure, timedOut } from "./failures.ts"

// The magic number, and four versions that any server of the last years knows one of; the answer does not matter.
const HELLO = Buffer.from("6060b01700040405000204040000010400000003", "hex")

/** Succeeds as soon as anybody answers; the socket is closed in any case. */
export const probe = (
  host: string,
  port: number,
  encrypted: boolean,
  seconds: number
): Effect.Effect<void, DriverFailure> =>
  Effect.async((resume) => {
    const name = net.isIP(host) === 0 ? { servername: host } : {}
    const socket = encrypted
      ? tls.connect({ host, port, rejectUnauthorized: false, ...name })
      : net.connect({ host, port })
    const end = (effect: Effect.Effect<void, DriverFailure>) => {
      clearTimeout(timer)
      socket.destroy()
      resume(effect)
    }
    const timer = setTimeout(() => end(Effect.fail(timedOut("connect", seconds))), seconds * 1000)
    socket.on("error", (cause) => end(Effect.fail(driverFailure(unreachable(cause), "connect"))))
    socket.once("close", () => end(Effect.fail(driverFailure(unreachable(new Error("it hung up")), "connect"))))
    socket.once("data", () => end(Effect.void))
    socket.once(encrypted ? "secureConnect" : "connect", () => socket.write(HELLO))
    return Effect.sync(() => {
      clearTimeout(timer)
      socket.destroy()
    })
  })

const unreachable = (cause: Error): Error =>
  Object.assign(new Error(cause.message, { cause }), { code: "ServiceUnavailable" })
