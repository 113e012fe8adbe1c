import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { onFrames, redirect } from './kafka-frames.ts'

/** A TCP proxy on this machine that can be cut and joined again under the same port. */
export interface TcpProxy {
  /** `127.0.0.1:port`, the same for ever. */
  address: string
  /** Listens and forwards. */
  join(): Promise<void>
  /** Refuses new connections and breaks those that are open. */
  cut(): Promise<void>
}

/**
 * A proxy to `host:port`; it begins cut. With `kafka` it puts its own address in the place of the broker's wherever an answer
 * names that, so that clients stay with it.
 */
export async function createTcpProxy(target: string, options: { kafka?: boolean } = {}): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':')
  const sockets = new Set<Socket>()
  let server: Server | undefined
  // The port is taken once to know it, and taken again by each join.
  let ownPort = 0

  const listen = () =>
    new Promise<void>((resolve, reject) => {
      const listening = createServer((inner) => {
        const outer = connect({ host, port: Number(port) })
        for (const [socket, other] of [
          [inner, outer],
          [outer, inner],
        ] as const) {
          sockets.add(socket)
          socket.on('error', () => other.destroy())
          socket.on('close', () => {
            sockets.delete(socket)
            other.destroy()
          })
          if (options.kafka !== true || socket === inner) socket.pipe(other)
        }
        if (options.kafka === true) {
          onFrames(outer, (frame) => {
            redirect(frame, { from: Number(port), to: ownPort })
            if (inner.writable) inner.write(frame)
          })
        }
      })
      listening.once('error', reject)
      listening.listen(ownPort, '127.0.0.1', () => {
        ownPort = (listening.address() as AddressInfo).port
        server = listening
        resolve()
      })
    })
  const cut = async () => {
    const closing = server
    server = undefined
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => (closing === undefined ? resolve() : closing.close(() => resolve())))
  }

  await listen()
  await cut()
  return {
    address: `127.0.0.1:${ownPort}`,
    join: async () => {
      if (server === undefined) await listen()
    },
    cut,
  }
}
