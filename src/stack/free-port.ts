import net from 'node:net'

// Ports handed out by this process: the system may offer the same one again before its new owner has bound it.
const handedOut = new Set<number>()

/** A TCP port of 127.0.0.1 on which nobody listens now. Somebody may before its new owner does: the caller tries again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = await systemChosenPort()
    if (handedOut.has(port)) continue
    handedOut.add(port)
    return port
  }
  throw new Error('No free TCP port on 127.0.0.1 after 50 attempts')
}

/** Whether something accepts connections there within `timeoutMs`. */
export function portAnswers(port: number, host = '127.0.0.1', timeoutMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host })
    const finish = (answers: boolean): void => {
      socket.destroy()
      resolve(answers)
    }
    socket.setTimeout(timeoutMs, () => finish(false))
    socket.once('connect', () => finish(true))
    socket.once('error', () => finish(false))
  })
}

function systemChosenPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(new Error('The system chose no port'))
      })
    })
  })
}
