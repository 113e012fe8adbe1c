import { createParser } from 'eventsource-parser'
import { type buildConnector, type Dispatcher, EnvHttpProxyAgent, FormData, Pool } from 'undici'
import { ClientPool } from './client-pool.ts'
import { type AnswerConsumer, type AnswerHead, Exchange, tooLarge } from './exchange.ts'
import {
  defaultHttpLimits,
  type FormFields,
  type HttpAnswer,
  type HttpClient,
  type HttpLimits,
  type HttpRequest,
  headerOf,
} from './http-client.ts'

/** What the client may be given. */
export interface UndiciHttpClientOptions extends Partial<HttpLimits> {
  /** Makes the direct connections, for example to look at the address first; does not apply through a proxy. */
  connector?: buildConnector.connector
}

/** Largest headers of an answer, in bytes; Azure and gateways send long ones. */
const maxHeaderBytes = 64 * 1024

/**
 * HTTP over undici: pooled, kept alive, HTTP/1.1. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured, but never for this
 * machine; NODE_EXTRA_CA_CERTS works by Node itself. Nothing is retried and no redirect is followed here.
 */
export class UndiciHttpClient implements HttpClient {
  readonly #limits: HttpLimits
  readonly #dispatcher: Dispatcher

  constructor({ connector, ...limits }: UndiciHttpClientOptions = {}) {
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

  async postJsonForEvents(request: HttpRequest, body: object, onEvent: (data: string) => boolean): Promise<HttpAnswer> {
    const decoder = new TextDecoder()
    let isDone = false
    const parser = createParser({
      maxBufferSize: this.#limits.maxEventLength,
      onEvent: ({ data }) => {
        if (!isDone) isDone = onEvent(data)
      },
      onError: (error) => {
        if (error.type === 'max-buffer-size-exceeded') {
          throw tooLarge(request.provider, `an event of more than ${this.#limits.maxEventLength} characters`)
        }
      },
    })
    const chunks: Buffer[] = []
    const post = jsonPost(body)
    const answer = await this.#exchange(
      request,
      { ...post, headers: { ...post.headers, accept: 'text/event-stream' } },
      ({ status, headers }) => {
        const isEvents = status === 200 && /^text\/event-stream\b/i.test(headerOf(headers, 'content-type') ?? '')
        if (!isEvents) return collector(chunks)
        return (chunk) => {
          parser.feed(decoder.decode(chunk, { stream: true }))
          return isDone
        }
      },
    )
    // A stream that ended without the last blank line has still said all that it had to say.
    if (!isDone && chunks.length === 0) parser.feed(`${decoder.decode()}\n\n`)
    return { ...answer, body: Buffer.concat(chunks) }
  }

  async close(): Promise<void> {
    await this.#dispatcher.close()
  }

  async #collect(request: HttpRequest, call: Call): Promise<HttpAnswer> {
    const chunks: Buffer[] = []
    const answer = await this.#exchange(request, call, () => collector(chunks))
    return { ...answer, body: Buffer.concat(chunks) }
  }

  /** Sends, and reads the answer through the consumer that is chosen by its head, until that has enough. */
  #exchange(request: HttpRequest, call: Call, consumerOf: (head: AnswerHead) => AnswerConsumer): Promise<AnswerHead> {
    const { url } = request
    const exchange = new Exchange({ request, limits: this.#limits, consumerOf })
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
