/**
 * A TCP proxy before a Kafka broker that knows enough of the protocol to lose one request or one answer: the framing
 * (four bytes of length; request header: api key, api version, correlation id, client id; response header: correlation
 * id) and the addresses in the answers to Metadata and FindCoordinator, where it puts its own port in place of the
 * broker's, so that clients stay with it. https://kafka.apache.org/protocol
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onFrames, redirect } from '../support/kafka-frames.ts'

/** Api keys that rules are written for. */
export const kafkaApis = { produce: 0, metadata: 3, offsetCommit: 8, findCoordinator: 10, endTxn: 26 } as const

/** What is to happen to some frames. */
export interface ProxyRule {
  api: number
  on: 'request' | 'response'
  /** Looks at the body of the request, after its header; also where the response is meant. Default: all. */
  matches?(requestBody: Buffer): boolean
  /** `cut`: the frame is lost with its connection. `lose`: only the frame; the client waits for its time-out. */
  act: 'cut' | 'lose' | { delayMs: number }
  /** How often; then the rule is spent. */
  times: number
}

/** A rule in force. */
export interface ActiveRule {
  readonly hits: number
  remove(): void
}

/** A running proxy. */
export interface KafkaProxy {
  /** `127.0.0.1:port`. */
  address: string
  add(rule: ProxyRule): ActiveRule
  close(): Promise<void>
}

/** Whether an EndTxn request commits. Body: transactional id, producer id, producer epoch, committed. */
export function isCommit(body: Buffer): boolean {
  return body.readInt8(2 + body.readInt16BE(0) + 8 + 2) === 1
}

/** Whether a Produce request is part of a transaction. Body: transactional id, or a length of -1. */
export function isTransactional(body: Buffer): boolean {
  return body.readInt16BE(0) >= 0
}

interface Force {
  rule: ProxyRule
  hits: number
}

/** Starts a proxy to `127.0.0.1:port` on a free port. */
export async function startKafkaProxy(target: string): Promise<KafkaProxy> {
  const brokerPort = Number(target.split(':')[1])
  const forces = new Set<Force>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const broker = connect({ host: '127.0.0.1', port: brokerPort })
    const cut = (): void => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', cut)
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    const requests = new Map<number, { api: number; body: Buffer }>()
    const pass = (frame: Buffer, to: Socket, on: ProxyRule['on'], request: { api: number; body: Buffer }): void => {
      const act = take(forces, on, request)
      if (act === undefined) to.write(frame)
      else if (act === 'cut') cut()
      else if (act !== 'lose') setTimeout(() => to.writable && to.write(frame), act.delayMs)
    }
    onFrames(client, (frame) => {
      const request = { api: frame.readInt16BE(4), body: bodyOf(frame) }
      requests.set(frame.readInt32BE(8), request)
      pass(frame, broker, 'request', request)
    })
    onFrames(broker, (frame) => {
      const correlationId = frame.readInt32BE(4)
      const request = requests.get(correlationId) ?? { api: -1, body: Buffer.alloc(0) }
      requests.delete(correlationId)
      if (request.api === kafkaApis.metadata || request.api === kafkaApis.findCoordinator) {
        redirect(frame, { from: brokerPort, to: (server.address() as AddressInfo).port })
      }
      pass(frame, client, 'response', request)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    add(rule) {
      const force: Force = { rule, hits: 0 }
      forces.add(force)
      return {
        get hits() {
          return force.hits
        },
        remove: () => void forces.delete(force),
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function take(
  forces: Set<Force>,
  on: ProxyRule['on'],
  { api, body }: { api: number; body: Buffer },
): ProxyRule['act'] | undefined {
  for (const force of forces) {
    const { rule } = force
    if (rule.on !== on || rule.api !== api || rule.matches?.(body) === false) continue
    force.hits += 1
    if (force.hits === rule.times) forces.delete(force)
    return rule.act
  }
  return undefined
}

/** What follows the header of a request: the client id is a string, or a length of -1. */
function bodyOf(frame: Buffer): Buffer {
  return frame.subarray(14 + Math.max(0, frame.readInt16BE(12)))
}
