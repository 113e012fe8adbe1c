/**
 * One exchange, as a handler of undici's dispatcher:
 *
 *   waiting ──► sent ──► answering ──► over
 *      │          │          │   └─ its consumer has enough: what is left is read for a moment, so that the connection can
 *      │          │          │      be used again; nobody waits for that
 *      └──────────┴──────────┴─ a clock runs out, the caller aborts, the network or the consumer fails: the connection is
 *                               cut, and `head` rejects at once
 *
 * The request API of undici would do, but builds a stream, an iterator and three listeners for an answer that comes in one
 * piece. Here a handler is all that there is, which is a third cheaper.
 */
import type { Dispatcher } from 'undici'
import type { Timers } from '../../model-service/ports/timers.ts'
import { ProviderError } from '../provider.ts'
import { ExchangeClock } from './exchange-clock.ts'
import { type HttpAnswer, type HttpLimits, type HttpRequest, headerOf } from './http-client.ts'
import { mapNetworkError } from './map-network-error.ts'

/** Status and headers of an answer. */
export type AnswerHead = Omit<HttpAnswer, 'body'>

/** Takes the pieces of an answer as they come; true when it has enough. What it throws ends the exchange. */
export type AnswerConsumer = (chunk: Buffer) => boolean

/** What an exchange is made of. */
export interface ExchangeOptions {
  request: HttpRequest
  limits: HttpLimits
  timers: Timers
  /** Chooses the consumer by the head of the answer; what it throws ends the exchange. */
  consumerOf(head: AnswerHead): AnswerConsumer
}

/** How long, and for how many bytes, the end of an answer that is known already is waited for. */
const restMs = 1000
const restBytes = 4096

/** See the top of the file. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Resolves when the answer is read as far as wanted; rejects with a {@link ProviderError}. */
  readonly head: Promise<AnswerHead>
  readonly #options: ExchangeOptions
  readonly #clock: ExchangeClock
  #settle: PromiseWithResolvers<AnswerHead> | undefined
  #failure: Error | undefined
  #controller: Dispatcher.DispatchController | undefined
  #answer: { head: AnswerHead; consume: AnswerConsumer } | undefined
  #size = 0
  #restSize = 0
  #restTimer: NodeJS.Timeout | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#settle = Promise.withResolvers()
    this.head = this.#settle.promise
    this.#clock = new ExchangeClock(options.request, options, (error) => this.#fail(error))
    this.#clock.start()
  }

  /** Whether `head` has settled; an exchange whose caller had aborted before is over from the start. */
  get isOver(): boolean {
    return this.#settle === undefined
  }

  /** Ends the exchange for what undici or we ran into. */
  fail(error: unknown): void {
    const { provider, url } = this.#options.request
    const { isSent } = this.#clock
    this.#fail(error instanceof ProviderError ? error : mapNetworkError(error, { provider, host: url.host, isSent }))
  }

  /** A connection stands and the request is about to be written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failure !== undefined) controller.abort(this.#failure)
    else this.#clock.isSent = true
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHead['headers']): void {
    // Informational answers come before the real one.
    if (status < 200 || this.isOver) return
    this.#clock.answerBegan()
    try {
      const head = { status, headers }
      this.#options.request.onHeaders?.(headers)
      refuseEncoding(this.#options.request.provider, headerOf(headers, 'content-encoding'))
      this.#answer = { head, consume: this.#options.consumerOf(head) }
    } catch (error) {
      this.fail(error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isOver || this.#answer === undefined) {
      this.#restSize += chunk.length
      if (this.#restSize > restBytes) controller.abort(new Error('more was sent after the end of the answer'))
      return
    }
    this.#clock.pieceCame()
    this.#size += chunk.length
    const { maxAnswerBytes } = this.#options.limits
    try {
      if (this.#size > maxAnswerBytes) {
        throw tooLarge(this.#options.request.provider, `an answer of more than ${maxAnswerBytes} bytes`)
      }
      if (!this.#answer.consume(chunk)) return
    } catch (error) {
      this.fail(error)
      return
    }
    this.#restTimer = setTimeout(() => controller.abort(new Error('the answer did not end')), restMs).unref()
    this.#finish(this.#answer.head)
  }

  onResponseEnd(): void {
    clearTimeout(this.#restTimer)
    if (this.#answer !== undefined) this.#finish(this.#answer.head)
    else this.fail(new Error('the answer ended before it began'))
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    clearTimeout(this.#restTimer)
    this.fail(error)
  }

  #finish(head: AnswerHead): void {
    this.#clock.stop()
    this.#settle?.resolve(head)
    this.#settle = undefined
  }

  #fail(error: ProviderError): void {
    if (this.#settle === undefined) return
    this.#failure = error
    this.#clock.stop()
    this.#settle.reject(error)
    this.#settle = undefined
    this.#controller?.abort(error)
  }
}

/** An answer, or a part of it, that exceeds a limit. */
export function tooLarge(provider: string, what: string): ProviderError {
  return new ProviderError(
    'PAYLOAD_TOO_LARGE',
    `Provider ${provider} sent ${what}; ask for less, or raise the limit of the settings.`,
    { provider },
  )
}

/** We ask for no compression, so that limits hold for what is read. */
function refuseEncoding(provider: string, encoding: string | undefined): void {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return
  throw new ProviderError(
    'PROVIDER_ERROR',
    `Provider ${provider} sent a compressed answer, which was not asked for; turn compression off there, or at the proxy before it.`,
    {
      provider,
    },
  )
}
