import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { CallLedger, type DoubleCall } from './call-ledger.ts'
import { answerChat, answerCompletion } from './chat-answer.ts'
import { behaviourOf, type DoubleBehaviour } from './double-behaviour.ts'
import { DoubleError, errorOfStatus } from './double-error.ts'
import { answerAudio, answerEmbedding, answerImages } from './other-answers.ts'
import { parseFormFields, parseJsonFields, type RequestFields, requiredText } from './request-fields.ts'
import { chatBody, chatChunks, completionBody } from './text-answer-body.ts'

/** Where the double listens. */
export interface ProtocolDoubleOptions {
  /** 0 takes a free one; default 0. */
  port?: number
  /** Default 127.0.0.1: a double is for this machine. */
  host?: string
}

/** A running double. */
export interface ProtocolDouble {
  /** For example `http://127.0.0.1:41234`; the API lies beneath `/v1`. */
  url: string
  ledger: CallLedger
  /** Ends open connections too. */
  close(): Promise<void>
}

/** Largest request body that is read, in bytes. */
const largestBodyBytes = 64 * 1024 * 1024
const longestMarkBytes = 300

/**
 * Starts a server that speaks OpenAI's protocol and answers with made-up content that says so (`[double] …`). It checks
 * requests as a provider does. Model names choose misbehaviour: see {@link DoubleBehaviour}.
 *
 * Serves POST /v1/chat/completions (also streamed), /v1/completions, /v1/embeddings, /v1/images/generations,
 * /v1/audio/transcriptions, /v1/audio/translations; GET /v1/models, GET /health; GET and DELETE /__calls, the ledger.
 */
export async function startProtocolDouble(options: ProtocolDoubleOptions = {}): Promise<ProtocolDouble> {
  const ledger = new CallLedger()
  const server = createServer((request, response) => {
    serve(request, response, ledger).catch((error: unknown) => {
      if (response.destroyed) return
      const shown = error instanceof DoubleError ? error : new DoubleError(500, 'The double is broken.')
      if (!response.headersSent) sendJson(response, shown.status, shown.toBody())
      else response.destroy()
    })
  })
  server.requestTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { address, port } = server.address() as AddressInfo
  return {
    url: `http://${address}:${port}`,
    ledger,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, ledger: CallLedger): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://double').pathname
  const route = `${request.method} ${path}`
  if (route === 'GET /health') return sendJson(response, 200, { status: 'ok', double: true })
  if (route === 'GET /v1/models') return sendJson(response, 200, { object: 'list', data: modelList })
  if (route === 'GET /__calls') {
    response.setHeader('x-forgotten-calls', ledger.forgottenCount)
    return sendJson(response, 200, ledger.list())
  }
  if (route === 'DELETE /__calls') {
    ledger.clear()
    return sendJson(response, 200, { cleared: true })
  }
  const answer = request.method === 'POST' ? endpoints[path] : undefined
  if (answer === undefined) throw new DoubleError(404, `Invalid URL (${route})`, { code: 'unknown_url' })

  const body = await readBody(request)
  const contentType = request.headers['content-type'] ?? ''
  const isForm = path.startsWith('/v1/audio/')
  const fields = isForm ? await parseFormFields(body, contentType) : parseJsonFields(body)
  const model = typeof fields['model'] === 'string' ? fields['model'] : null
  const key = request.headers['idempotency-key']
  const call = ledger.begin({ idempotencyKey: typeof key === 'string' ? key : null, path, model, mark: markOf(body) })
  response.on('close', () => {
    call.finishedAt = Date.now()
    call.status = response.headersSent ? response.statusCode : null
  })
  response.setHeader('x-request-id', `req_double_${call.startedAt}_${ledger.list().length}`)
  requiredText(fields, 'model')
  await answerAs({ answer, fields, call, response, socket: request.socket, ledger })
}

interface Answering {
  answer: Endpoint
  fields: RequestFields
  call: DoubleCall
  response: ServerResponse
  socket: Socket
  ledger: CallLedger
}

async function answerAs({ answer, fields, call, response, socket, ledger }: Answering): Promise<void> {
  const model = call.model ?? ''
  const behaviour = behaviourOf(model)
  switch (behaviour.kind) {
    case 'STATUS':
      if (behaviour.html) return send(response, behaviour.status, 'text/html', '<html><h1>A gateway error</h1></html>')
      if (behaviour.status === 429) response.setHeader('retry-after', '1')
      throw errorOfStatus(behaviour.status)
    case 'FAIL_FIRST':
      if (ledger.countOf(model) <= behaviour.count) throw errorOfStatus(500)
      break
    case 'QUOTA':
      throw new DoubleError(429, 'You exceeded your current quota.', {
        type: 'insufficient_quota',
        code: 'insufficient_quota',
      })
    case 'CONTEXT_LENGTH':
      throw new DoubleError(400, "This model's maximum context length is 8 tokens.", {
        param: 'messages',
        code: 'context_length_exceeded',
      })
    case 'CONTENT_FILTER':
      throw new DoubleError(400, 'The response was filtered.', { param: 'prompt', code: 'content_filter' })
    case 'DELAY':
      await delay(behaviour.delayMs, undefined, { ref: false })
      break
    case 'TIMEOUT':
      return
    case 'RESET':
      socket.resetAndDestroy()
      return
    case 'EMPTY':
      return sendJson(response, 200, {})
    case 'GARBAGE':
      if (fields['stream'] !== true) return send(response, 200, 'application/json', '{"choices": [{"mess')
      break
    default:
      break
  }
  if (!response.destroyed) await answer({ model, fields, behaviour, response })
}

interface Prepared {
  model: string
  fields: RequestFields
  behaviour: DoubleBehaviour
  response: ServerResponse
}
type Endpoint = (prepared: Prepared) => void | Promise<void>

const endpoints: Record<string, Endpoint> = {
  '/v1/chat/completions': ({ model, fields, behaviour, response }) => {
    const answer = answerChat(model, fields, behaviour)
    if (fields['stream'] !== true) return sendBody(response, chatBody(answer), behaviour)
    const wantsUsage = (fields['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true
    return sendStream(response, chatChunks(answer, wantsUsage), behaviour)
  },
  '/v1/completions': ({ model, fields, behaviour, response }) =>
    sendBody(response, completionBody(answerCompletion(model, requiredText(fields, 'prompt'), behaviour)), behaviour),
  '/v1/embeddings': ({ model, fields, behaviour, response }) =>
    sendBody(response, answerEmbedding(model, fields), behaviour),
  '/v1/images/generations': ({ fields, behaviour, response }) => sendBody(response, answerImages(fields), behaviour),
  '/v1/audio/transcriptions': ({ fields, behaviour, response }) =>
    sendBody(response, answerAudio(fields, 'transcribe'), behaviour),
  '/v1/audio/translations': ({ fields, behaviour, response }) =>
    sendBody(response, answerAudio(fields, 'translate'), behaviour),
}

const modelList = ['double-chat-1', 'double-embedding-1', 'double-image-1', 'double-audio-1'].map((id) => ({
  id,
  object: 'model',
  created: 0,
  owned_by: 'double',
}))

function sendBody(response: ServerResponse, body: object, behaviour: DoubleBehaviour): void {
  if (behaviour.kind !== 'CUT_STREAM') {
    sendJson(response, 200, body)
    return
  }
  const text = JSON.stringify(body)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.write(text.slice(0, Math.floor(text.length / 2)), () => response.destroy())
}

async function sendStream(response: ServerResponse, chunks: object[], behaviour: DoubleBehaviour): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const event = (data: string) => new Promise((done) => response.write(`data: ${data}\n\n`, done))
  const whole = behaviour.kind === 'NO_DONE' ? chunks.slice(0, 3) : chunks
  for (const [index, chunk] of whole.entries()) {
    if (response.destroyed) return
    if (index === 3) {
      if (behaviour.kind === 'CUT_STREAM') return void response.destroy()
      if (behaviour.kind === 'STALL_STREAM') return
      if (behaviour.kind === 'GARBAGE') await event('{"choices": [{"del')
      if (behaviour.kind === 'STREAM_ERROR') {
        await event(JSON.stringify(new DoubleError(500, 'The server had an error.', { type: 'server_error' }).toBody()))
        return void response.end()
      }
    }
    await event(JSON.stringify(chunk))
  }
  if (behaviour.kind !== 'NO_DONE') await event('[DONE]')
  response.end()
}

/** See {@link DoubleCall.mark}. */
function markOf(body: Buffer): string | null {
  const start = body.indexOf('[id:')
  const end = start === -1 ? -1 : body.indexOf(']', start)
  return end === -1 || end - start > longestMarkBytes ? null : body.toString('utf8', start + 4, end)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestBodyBytes) throw new DoubleError(413, 'The request is too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', JSON.stringify(body))
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
