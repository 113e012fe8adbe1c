import { readRateLimits } from '../../limits/read-rate-limits.ts'
import type { CallContext } from '../provider.ts'
import {
  type FormFields,
  type HttpAnswer,
  type HttpClient,
  type HttpHeaders,
  type HttpRequest,
  headerOf,
} from './http-client.ts'
import type { ErrorContext } from './map-http-error.ts'

/** What a connection to a provider is made of. */
export interface ProviderConnectionOptions {
  /** Id of the provider. */
  id: string
  /** Base address, for example `https://api.openai.com/v1`; its query, as Azure wants one, goes with every call. */
  baseUrl: URL
  /** Null where the server wants none. */
  key: string | null
  /** The headers that carry the key, and any others that every call needs. */
  headers: Readonly<Record<string, string>>
  http: HttpClient
  /** Unix time in ms; the system's clock by default. */
  now?: () => number
}

/** Signal and times of a call; a call that does work has an idempotency key as well. */
export type ExchangeContext = Pick<
  CallContext,
  'signal' | 'timeoutMs' | 'firstByteTimeoutMs' | 'idleTimeoutMs' | 'onRateLimits'
> &
  Partial<Pick<CallContext, 'idempotencyKey'>>

/** Sends to one provider: paths beneath its base address, with its key. Rejects as {@link HttpClient} does. */
export class ProviderConnection {
  readonly now: () => number
  readonly #options: ProviderConnectionOptions

  constructor(options: ProviderConnectionOptions) {
    this.now = options.now ?? Date.now
    this.#options = options
  }

  /** The path may have a query; a parameter of the base address stays. */
  get(path: string, context: ExchangeContext): Promise<HttpAnswer> {
    return this.#options.http.get(this.#request(path, context))
  }

  postJson(path: string, body: object, context: ExchangeContext): Promise<HttpAnswer> {
    return this.#options.http.postJson(this.#request(path, context), body)
  }

  postForm(path: string, fields: FormFields, context: ExchangeContext): Promise<HttpAnswer> {
    return this.#options.http.postForm(this.#request(path, context), fields)
  }

  /** See `postJsonForEvents` of {@link HttpClient}. */
  postJsonForEvents(
    path: string,
    body: object,
    context: ExchangeContext,
    onEvent: (data: string) => boolean,
  ): Promise<HttpAnswer> {
    return this.#options.http.postJsonForEvents(this.#request(path, context), body, onEvent)
  }

  /** See `postJsonForLines` of {@link HttpClient}. */
  postJsonForLines(
    path: string,
    body: object,
    context: ExchangeContext,
    onLine: (line: string) => boolean,
  ): Promise<HttpAnswer> {
    return this.#options.http.postJsonForLines(this.#request(path, context), body, onLine)
  }

  /** What an answer is read with; the model is null where none was asked for. */
  errorContext(model: string | null): ErrorContext {
    const { id, key } = this.#options
    return { provider: id, model, secrets: key === null ? [] : [key], now: this.now() }
  }

  #tellRateLimits(headers: HttpHeaders, context: ExchangeContext): void {
    const state = readRateLimits((name) => headerOf(headers, name), this.now())
    if (state !== null) context.onRateLimits?.(state)
  }

  #request(path: string, context: ExchangeContext): HttpRequest {
    const { id, baseUrl, headers: own } = this.#options
    const [pathname = '', query = ''] = path.split('?', 2)
    const url = new URL(baseUrl)
    url.pathname = `${baseUrl.pathname.replace(/\/+$/, '')}${pathname}`
    for (const [name, value] of new URLSearchParams(query)) url.searchParams.set(name, value)
    const headers: Record<string, string> = { accept: 'application/json', ...own }
    if (context.idempotencyKey !== undefined) headers['idempotency-key'] = context.idempotencyKey
    const { signal, timeoutMs, firstByteTimeoutMs, idleTimeoutMs } = context
    return {
      ...{ provider: id, url, headers, signal, timeoutMs },
      ...(firstByteTimeoutMs !== undefined && { firstByteTimeoutMs }),
      ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
      ...(context.onRateLimits !== undefined && {
        onHeaders: (answered: HttpHeaders) => this.#tellRateLimits(answered, context),
      }),
    }
  }
}
