/**
 * Plays the recorded answers, in a process of its own. The path of a POST begins with the pace and the format, for example
 * `/paced/openai/…`: `whole` is one piece of JSON, `burst` a stream all at once, `paced` a stream with an event every 2 ms. It speaks
 * just enough HTTP/1.1 over plain sockets for clients that do not pipeline. The parent is told { port } and ends it by disconnecting.
 */
import { createServer, type Socket } from 'node:net'
import { onRequests } from '../on-requests.ts'
import { type BenchFormat, benchFormats, type RecordedAnswer, recordedAnswer } from './recorded-answers.ts'

/** How an answer comes. */
export const benchPaces = ['whole', 'burst', 'paced'] as const

/** One of {@link benchPaces}. */
export type BenchPace = (typeof benchPaces)[number]

/** Time between two events of a paced stream, in ms. */
export const paceMs = 2

interface Playing {
  socket: Socket
  frames: readonly Buffer[]
  next: number
  begunAt: number
}

interface Prepared {
  whole: Buffer
  head: Buffer
  frames: readonly Buffer[]
}

function prepare({ streamType, events, whole }: RecordedAnswer): Prepared {
  const start = 'HTTP/1.1 200 OK\r\nx-request-id: req_1\r\n'
  return {
    whole: Buffer.from(
      `${start}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(whole)}\r\n\r\n${whole}`,
    ),
    head: Buffer.from(`${start}content-type: ${streamType}\r\ntransfer-encoding: chunked\r\n\r\n`),
    frames: [...events.map((event) => `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`), '0\r\n\r\n'].map(
      (frame) => Buffer.from(frame),
    ),
  }
}

/** Starts the server; the port is told to the parent. */
export function serveAnswers(): void {
  const answers = new Map(benchFormats.map((format) => [format, prepare(recordedAnswer(format))]))
  const playing = new Set<Playing>()
  const server = createServer({ noDelay: true }, (socket) => {
    onRequests(socket, (head) => {
      const [, pace, format] = /^POST \/(\w+)\/(\w+)\//.exec(head) ?? []
      const answer = answers.get(format as BenchFormat)
      if (answer === undefined) socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')
      else if (pace === 'whole') socket.write(answer.whole)
      else if (pace === 'burst') socket.write(Buffer.concat([answer.head, ...answer.frames]))
      else {
        socket.write(answer.head)
        playing.add({ socket, frames: answer.frames, next: 0, begunAt: performance.now() })
      }
    })
  })
  setInterval(() => {
    for (const stream of playing) {
      const due = Math.min(stream.frames.length, Math.floor((performance.now() - stream.begunAt) / paceMs))
      for (; stream.next < due; stream.next++) stream.socket.write(stream.frames[stream.next] as Buffer)
      if (stream.next === stream.frames.length) playing.delete(stream)
    }
  }, paceMs)
  process.on('disconnect', () => process.exit(0))
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
    const address = server.address()
    process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
  })
}

if (process.argv[1] === import.meta.filename) serveAnswers()
