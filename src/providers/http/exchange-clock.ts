import { ModelServiceError } from '../../errors/model-service-error.ts'
import { ProviderError } from '../provider.ts'
import type { HttpLimits, HttpRequest } from './http-client.ts'

/** Beyond this Node's timers fire at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * The clocks of one exchange: total, first byte, silence, and the caller's signal. Whichever comes first tells
 * `onFailure`, once; the connect clock is undici's. `isSent` says whether the request has begun to leave: before that the
 * provider cannot have done the work, afterwards nobody knows.
 */
export class ExchangeClock {
  isSent = false
  readonly #request: HttpRequest
  readonly #limits: HttpLimits
  readonly #onFailure: (error: ProviderError) => void
  #total: NodeJS.Timeout | undefined
  /** First byte, then silence. */
  #wait: NodeJS.Timeout | undefined
  readonly #onCallerAbort = () => this.#fail(this.#callerError())

  constructor(request: HttpRequest, limits: HttpLimits, onFailure: (error: ProviderError) => void) {
    this.#request = request
    this.#limits = limits
    this.#onFailure = onFailure
  }

  /** Sets the clocks going; a caller that has aborted already is told of at once. */
  start(): void {
    const { timeoutMs, signal } = this.#request
    if (signal.aborted) {
      this.#onCallerAbort()
      return
    }
    signal.addEventListener('abort', this.#onCallerAbort, { once: true })
    this.#total = setTimeout(
      () => this.#fail(this.#timeout(`did not finish within ${timeoutMs} ms`)),
      Math.min(timeoutMs, longestTimerMs),
    )
    const { firstByteTimeoutMs } = this.#limits
    if (firstByteTimeoutMs > 0) {
      this.#wait = setTimeout(
        () => this.#fail(this.#timeout(`sent no answer within ${firstByteTimeoutMs} ms (first byte)`)),
        firstByteTimeoutMs,
      )
    }
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

  /** Stops all clocks. */
  stop(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#wait)
    this.#request.signal.removeEventListener('abort', this.#onCallerAbort)
  }

  #fail(error: ProviderError): void {
    this.stop()
    this.#onFailure(error)
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
