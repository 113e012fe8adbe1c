/** A TCP proxy before PostgreSQL that loses answers: the statement has run, but whoever sent it never hears of it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A running proxy. */
export interface AnswerLosingProxy {
  /** `127.0.0.1:port`. */
  address: string
  /** Answers lost so far. */
  readonly lostCount: number
  /** The next `times` statements that contain the text lose their answer, and their connection. */
  loseAnswersOf(text: string, times: number): void
  /** Breaks all connections. */
  cut(): void
  close(): Promise<void>
}

/** Starts a proxy to `127.0.0.1:port` on a free port. */
export async function startAnswerLosingProxy(target: string): Promise<AnswerLosingProxy> {
  const port = Number(target.split(':')[1])
  const sockets = new Set<Socket>()
  const losses: { text: string; left: number }[] = []
  let lostCount = 0
  const server = createServer((client) => {
    const database = connect({ host: '127.0.0.1', port })
    let isLosing = false
    const cut = (): void => {
      client.destroy()
      database.destroy()
    }
    for (const socket of [client, database]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    client.on('data', (chunk: Buffer) => {
      const loss = losses.find(({ text, left }) => left > 0 && chunk.includes(text))
      if (loss !== undefined && !isLosing) {
        loss.left -= 1
        isLosing = true
      }
      database.write(chunk)
    })
    database.on('data', (chunk: Buffer) => {
      if (!isLosing) {
        client.write(chunk)
        return
      }
      lostCount += 1
      cut()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lostCount() {
      return lostCount
    },
    loseAnswersOf: (text, times) => void losses.push({ text, left: times }),
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
