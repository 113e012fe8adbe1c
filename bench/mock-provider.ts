/**
 * A provider that costs as little as possible, in a process of its own: it answers every POST with the same completion
 * after a time that the parent sets. It speaks just enough HTTP/1.1 over plain sockets for clients that do not pipeline,
 * so that what is measured is the client. The parent talks to it over the channel of `fork`:
 *
 *   { type: 'latency', ms }  answers take so long from now on, each up to a tenth more or less; 0 answers at once
 *   { type: 'stats' }        is answered with { type: 'stats', served, open }
 *
 * and is told { type: 'listening', port } at the start. It ends when the channel does.
 */
import { createServer, type Socket } from 'node:net'
import { onRequests } from './on-requests.ts'
import { benchAnswer } from './workload.ts'

/** What the parent may send. */
export type MockCommand = { type: 'latency'; ms: number } | { type: 'stats' }

/** Calls answered since the start, and calls that wait for their answer now. */
export interface MockStats {
  type: 'stats'
  served: number
  open: number
}

/** What the mock sends. */
export type MockMessage = { type: 'listening'; port: number } | MockStats

/** Share by which a latency varies to either side: else calls that began together would stay together for ever. */
const spread = 0.1

let latencyMs = 0
let served = 0
let open = 0

const server = createServer({ noDelay: true }, (socket) => {
  onRequests(socket, () => answer(socket))
})

function answer(socket: Socket): void {
  open += 1
  const begunAt = performance.now()
  const finish = () => {
    const body = benchAnswer(performance.now() - begunAt)
    open -= 1
    served += 1
    socket.write(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
  }
  if (latencyMs === 0) finish()
  else setTimeout(finish, latencyMs * (1 - spread + 2 * spread * Math.random()))
}

process.on('message', (command: MockCommand) => {
  if (command.type === 'latency') latencyMs = command.ms
  else process.send?.({ type: 'stats', served, open } satisfies MockMessage)
})
process.on('disconnect', () => process.exit(0))
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  process.send?.({ type: 'listening', port } satisfies MockMessage)
})
