/** A server that anything can be sent to. */
import * as net from "node:net"

/** A server that notes what it is told, and says nothing. */
export const listener = async () => {
  let heard = ""
  const server = net.createServer((socket) => {
    socket.on("data", (bytes) => {
      heard += bytes.toString("latin1")
      socket.destroy()
    })
    socket.on("error", () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return { port: typeof address === "object" && address !== null ? address.port : 0, heard: () => heard, server }
}
