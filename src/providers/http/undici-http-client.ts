import { type buildConnector, type Dispatcher, EnvHttpProxyAgent, FormData, Pool } from 'undici'
import { keepAliveTimers } from '../../model-service/keep-alive-timers.ts'
import type { Timers } from '../../model-service/ports/timers.ts'
import { ClientPool } from './client-pool.ts'
import { EventStreamReader } from './event-stream-reader.ts'
import { type AnswerConsumer, type AnswerHead, Exchange } from './exchange.ts'
import {
  defaultHttpLimits,
  type FormFields,
  type HttpAnswer,
  type HttpClient,
  type HttpLimits,
  type HttpRequest,
  headerOf,
} from './http-client.ts'
import { LineReader } from './line-reader.ts'
import type { StreamReader, StreamReaderOptions } from './stream-reader.ts'

/** What the client may be given. */
export interface UndiciHttpClientOptions extends Partial<HttpLimits> {
  /** Makes the direct connections, for example to look at the address first; does not apply through a proxy. */
  connector?: buildConnector.connector
  /** For the clocks of exchanges, but for the one of connecting; the runtime's own by default. */
  timers?: Timers
}

/** Largest headers of an answer, in bytes; Azure and gateways send long ones. */
const maxHeaderBytes = 64 * 1024

/**
 * HTTP over undici: pooled, kept alive, HTTP/1.1. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured, but never for this
 * machine; NODE_EXTRA_CA_CERTS works by Node itself. Nothing is retried and no redirect is followed here.
 */
export class UndiciHttpClient implements HttpClient {
  readonly #limits: HttpLimits
  readonly #timers: Timers
  readonly #dispatcher: Dispatcher

  constructor({ connector, timers = keepAliveTimers, ...limits }: UndiciHttpClientOptions = {}) {
    this.#timers = timers
    this.#limits = { ...defaultHttpLimits, ...limits }
    const noProxy = [process.env['no_proxy'] ?? process.env['NO_PROXY'] ?? '', 'localhost', '127.0.0.1', '::1']
    const { connectTimeoutMs } = this.#limits
    // Our own clocks are exact and name themselves; undici's are off.
    const options = { headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: maxHeaderBytes }
    this.#dispatcher = new EnvHttpProxyAgent({
      ...options,
      noProxy: noProxy.join(','),
      // One request per connection: a broken one then concerns one call only, and its fate is clear.
      allowH2: false,
      pipelining: 1,
      connectTimeout: connectTimeoutMs,
      ...(connector && { connect: connector }),
      // Through a proxy undici makes the connections, and only its own pool will do.
      factory: (origin: string | URL, given: Pool.Options) =>
        given.connect === connector
          ? new ClientPool(origin, { ...options, connectTimeoutMs, ...(connector && { connector }) })
          : new Pool(origin, given),
    })
  }

  get(request: HttpRequest): Promise<HttpAnswer> {
    return this.#collect(request, { method: 'GET' })
  }

  postJson(request: HttpRequest, body: object): Promise<HttpAnswer> {
    return this.#collect(request, jsonPost(body))
  }

  postForm(request: HttpRequest, fields: FormFields): Promise<HttpAnswer> {
    const form = new FormData()
    for (const [name, value] of fields) {
      if (typeof value === 'string') form.append(name, value)
      // The copy gives the file a buffer of its own, which the type asks for.
      else form.append(name, new File([new Uint8Array(value.bytes)], value.filename, { type: value.mediaType }))
    }
    return this.#collect(request, { method: 'POST', body: form })
  }

  postJsonForEvents(request: HttpRequest, body: object, onEvent: (data: string) => boolean): Promise<HttpAnswer> {
    const reader = new EventStreamReader(this.#readerOptions(request, onEvent))
    return this.#read(request, body, { mediaType: eventStreamType, accept: 'text/event-stream', reader })
  }

  postJsonForLines(request: HttpRequest, body: object, onLine: (line: string) => boolean): Promise<HttpAnswer> {
    const reader = new LineReader(this.#readerOptions(request, onLine))
    return this.#read(request, body, { mediaType: jsonLinesType, accept: 'application/x-ndjson', reader })
  }

  async close(): Promise<void> {
    await this.#dispatcher.close()
  }

  async #collect(request: HttpRequest, call: Call): Promise<HttpAnswer> {
    const chunks: Buffer[] = []
    const answer = await this.#exchange(request, call, () => collector(chunks))
    return { ...answer, body: Buffer.concat(chunks) }
  }

  #readerOptions({ provider }: HttpRequest, onItem: (item: string) => boolean): StreamReaderOptions {
    return { provider, maxLength: this.#limits.maxEventLength, onItem }
  }

  /** Posts JSON and gives a stream to the reader; an answer of another kind comes whole. */
  async #read(request: HttpRequest, body: object, { mediaType, accept, reader }: Reading): Promise<HttpAnswer> {
    const chunks: Buffer[] = []
    let isStream = false
    const post = jsonPost(body)
    const call = { ...post, headers: { ...post.headers, accept } }
    const answer = await this.#exchange(request, call, ({ status, headers }) => {
      isStream = status === 200 && mediaType.test(headerOf(headers, 'content-type') ?? '')
      return isStream ? (chunk) => reader.feed(chunk) : collector(chunks)
    })
    if (isStream) reader.end()
    return { ...answer, body: Buffer.concat(chunks) }
  }

  /** Sends, and reads the answer through the consumer that is chosen by its head, until that has enough. */
  #exchange(request: HttpRequest, call: Call, consumerOf: (head: AnswerHead) => AnswerConsumer): Promise<AnswerHead> {
    const { url } = request
    const exchange = new Exchange({ request, limits: this.#limits, timers: this.#timers, consumerOf })
    if (exchange.isOver) return exchange.head
    try {
      this.#dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: call.method,
          headers: { ...request.headers, ...call.headers },
          ...(call.body !== undefined && { body: call.body }),
        },
        exchange,
      )
    } catch (error) {
      exchange.fail(error)
    }
    return exchange.head
  }
}

/** The media types under which streams come. */
const eventStreamType = /^text\/event-stream\b/i
const jsonLinesType = /^application\/(x-)?(ndjson|jsonl|jsonlines)\b/i

interface Reading {
  mediaType: RegExp
  accept: string
  reader: StreamReader
}

interface Call {
  method: 'GET' | 'POST'
  headers?: Record<string, string>
  body?: string | FormData
}

function jsonPost(body: object): Call {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function collector(chunks: Buffer[]): AnswerConsumer {
  return (chunk) => {
    chunks.push(chunk)
    return false
  }
}
