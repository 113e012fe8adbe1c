import type { Socket } from 'node:net'
import { startSocketServer } from '../scripted-server.ts'

/** What a server does with the connection of one call; `request` is what has come of it. */
export type Fault = (socket: Socket, request: string) => void

/** A server of bare sockets that plays one fault a call; the last repeats. */
export interface FaultyProvider {
  url: string
  /** Calls so far. */
  callCount(): number
  /** Calls made with each key, in order. */
  keys: string[]
  /** Replaces what is played from now on. */
  play(...faults: Fault[]): void
  close(): Promise<void>
}

/** Starts one. */
export async function startFaultyProvider(...first: Fault[]): Promise<FaultyProvider> {
  let faults = first
  let calls = 0
  const keys: string[] = []
  const server = await startSocketServer((socket, head) => {
    calls += 1
    const request = head.toString('latin1')
    const key = /(?:bearer |x-api-key: |x-goog-api-key: )(\S+)/i.exec(request)?.[1]
    keys.push(key ?? '')
    const fault = faults.length > 1 ? faults.shift() : faults[0]
    fault?.(socket, request)
  })
  return {
    url: server.url,
    callCount: () => calls,
    keys,
    play(...next) {
      faults = next
    },
    close: server.close,
  }
}

const chunked = (data: string) => `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`
const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n'

/** An answer in one piece. */
export function answer(status: number, body: string, headers: Record<string, string> = {}): Fault {
  const lines = Object.entries({ 'content-type': 'application/json', connection: 'close', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return (socket) =>
    void socket.end(`HTTP/1.1 ${status} X\r\n${lines}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

/** An error of OpenAI's form. */
export function refusal(status: number, error: object = {}, headers: Record<string, string> = {}): Fault {
  return answer(status, JSON.stringify({ error: { message: 'x', ...error } }), headers)
}

/** How the framing of a stream ends. */
type Ending = 'whole' | 'cut' | 'reset' | 'open' | 'keep-alives'

/** A stream of these events' texts, then that ending. */
export function stream(events: readonly string[], ending: Ending = 'whole'): Fault {
  const body = streamHead + events.map((event) => chunked(`${event}\n\n`)).join('')
  return (socket) => {
    if (ending === 'whole') socket.end(`${body}0\r\n\r\n`)
    else if (ending === 'cut') socket.end(body)
    else if (ending === 'reset') socket.write(body, () => socket.resetAndDestroy())
    else socket.write(body)
    if (ending !== 'keep-alives') return
    const timer = setInterval(() => socket.write(chunked(': keep-alive\n\n')), 3)
    socket.on('close', () => clearInterval(timer))
  }
}

/** Events of OpenAI's form. */
export function openAiEvents(model: string, texts: readonly string[]): string[] {
  const chunk = (fields: object) => `data: ${JSON.stringify({ id: 'c', model, ...fields })}`
  return [
    chunk({ choices: [{ index: 0, delta: { role: 'assistant' } }] }),
    ...texts.map((content) => chunk({ choices: [{ index: 0, delta: { content } }] })),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }),
    chunk({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 } }),
    'data: [DONE]',
  ]
}

/** Serves a chat of OpenAI's form, as a stream where that was asked for. */
export function serves(model: string, texts: readonly string[] = ['Hel', 'lo']): Fault {
  const choices = [{ index: 0, message: { role: 'assistant', content: texts.join('') }, finish_reason: 'stop' }]
  const body = JSON.stringify({ model, choices, usage: { prompt_tokens: 7, completion_tokens: 3 } })
  const [inPieces, inOne] = [stream(openAiEvents(model, texts)), answer(200, body)]
  return (socket, request) => (request.includes('"stream":true') ? inPieces : inOne)(socket, request)
}

/** Says nothing, for ever. */
export const silence: Fault = () => undefined

/** Breaks the connection before any answer. */
export const reset: Fault = (socket) => socket.resetAndDestroy()
