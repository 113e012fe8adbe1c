import { ModelServiceError } from '../../errors/model-service-error.ts'
import { ProviderError } from '../provider.ts'
import type { HttpLimits, HttpRequest } from './http-client.ts'

/** Beyond this Node's timers fire at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * The clocks of one exchange: total, first byte, silence, and the caller's signal. Whichever comes first aborts
 * `signal` and becomes `failure`; the connect clock is undici's. `isSent` says whether the request has begun to leave:
 * before that the provider cannot have done the work, afterwards nobody knows.
 */
export class ExchangeClock {
  isSent = false
  failure: ProviderError | null = null
  readonly #controller = new AbortController()
  readonly #request: HttpRequest
  readonly #limits: HttpLimits
  readonly #total: NodeJS.Timeout
  /** First byte, then silence. */
  #wait: NodeJS.Timeout | undefined
  readonly #onCallerAbort = () => this.#fail(this.#callerError())

  constructor(request: HttpRequest, limits: HttpLimits) {
    this.#request = request
    this.#limits = limits
    const { timeoutMs, signal } = request
    this.#total = setTimeout(
      () => this.#fail(this.#timeout(`did not finish within ${timeoutMs} ms`)),
      Math.min(timeoutMs, longestTimerMs),
    )
    const firstByteMs = limits.firstByteTimeoutMs
    if (firstByteMs > 0) {
      this.#wait = setTimeout(
        () => this.#fail(this.#timeout(`sent no answer within ${firstByteMs} ms (first byte)`)),
        firstByteMs,
      )
    }
    if (signal.aborted) this.#onCallerAbort()
    else signal.addEventListener('abort', this.#onCallerAbort, { once: true })
  }

  /** Aborted by the first clock that runs out. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The headers have come: from here on silence is measured. */
  answerBegan(): void {
    clearTimeout(this.#wait)
    const idleMs = this.#limits.idleTimeoutMs
    this.#wait =
      idleMs > 0
        ? setTimeout(() => this.#fail(this.#timeout(`fell silent for ${idleMs} ms within its answer`)), idleMs)
        : undefined
  }

  /** A piece of the answer has come. */
  pieceCame(): void {
    this.#wait?.refresh()
  }

  /** Settles with the promise, or rejects as soon as a clock runs out: undici notices an abort only once connected. */
  async race<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined)
    let onAbort: (() => void) | undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(this.failure)
      if (this.signal.aborted) onAbort()
      else this.signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([promise, aborted])
    } finally {
      if (onAbort) this.signal.removeEventListener('abort', onAbort)
    }
  }

  stop(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#wait)
    this.#request.signal.removeEventListener('abort', this.#onCallerAbort)
  }

  #fail(error: ProviderError): void {
    if (this.failure !== null) return
    this.failure = error
    this.#controller.abort(error)
  }

  #timeout(what: string): ProviderError {
    const { provider } = this.#request
    return new ProviderError('REQUEST_TIMEOUT', `Provider ${provider} ${what}.`, {
      provider,
      outcome: this.isSent ? 'UNKNOWN' : 'FAILED',
    })
  }

  /** What the caller's abort means: the code of its reason when that is one of ours, a time-out, else CANCELLED. */
  #callerError(): ProviderError {
    const { provider, signal } = this.#request
    const reason: unknown = signal.reason
    const isTimeout = reason instanceof DOMException && reason.name === 'TimeoutError'
    const code = reason instanceof ModelServiceError ? reason.code : isTimeout ? 'REQUEST_TIMEOUT' : 'CANCELLED'
    const outcome = code === 'CANCELLED' ? 'CANCELLED' : this.isSent ? 'UNKNOWN' : 'FAILED'
    const message = `The call to provider ${provider} was ended by its caller (${code}).`
    return new ProviderError(code, message, { provider, outcome, cause: reason })
  }
}
