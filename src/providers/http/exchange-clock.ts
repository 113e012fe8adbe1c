import { ModelServiceError } from '../../errors/model-service-error.ts'
import type { Timers } from '../../model-service/ports/timers.ts'
import { ProviderError } from '../provider.ts'
import type { HttpLimits, HttpRequest } from './http-client.ts'

/**
 * The clocks of one exchange: total, first byte, silence, and the caller's signal. Whichever comes first tells
 * `onFailure`, once; the connect clock is undici's. `isSent` says whether the request has begun to leave: before that the
 * provider cannot have done the work, afterwards nobody knows.
 */
export class ExchangeClock {
  isSent = false
  readonly #request: HttpRequest
  readonly #idleTimeoutMs: number
  readonly #firstByteTimeoutMs: number
  readonly #timers: Timers
  readonly #onFailure: (error: ProviderError) => void
  #cancelTotal: (() => void) | undefined
  /** First byte, then silence. */
  #cancelWait: (() => void) | undefined
  #pieceAt = 0
  readonly #onCallerAbort = () => this.#fail(this.#callerError())

  constructor(
    request: HttpRequest,
    { limits, timers }: { limits: HttpLimits; timers: Timers },
    onFailure: (error: ProviderError) => void,
  ) {
    this.#request = request
    this.#firstByteTimeoutMs = request.firstByteTimeoutMs ?? limits.firstByteTimeoutMs
    this.#idleTimeoutMs = request.idleTimeoutMs ?? limits.idleTimeoutMs
    this.#timers = timers
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
    this.#cancelTotal = this.#timers.after(timeoutMs, () =>
      this.#fail(
        this.#timeout(
          `did not finish within ${timeoutMs} ms; give it more time (ATTEMPT_TIMEOUT_MS), or choose a faster model`,
        ),
      ),
    )
    const firstByteMs = this.#firstByteTimeoutMs
    if (firstByteMs > 0) {
      this.#cancelWait = this.#timers.after(firstByteMs, () =>
        this.#fail(
          this.#timeout(
            `sent no answer within ${firstByteMs} ms (first byte); raise PROVIDER_FIRST_BYTE_TIMEOUT_MS where it is only slow`,
          ),
        ),
      )
    }
  }

  /** The headers have come: from here on silence is measured. */
  answerBegan(): void {
    this.#cancelWait?.()
    this.pieceCame()
    if (this.#idleTimeoutMs > 0) this.#watchSilence(this.#idleTimeoutMs)
  }

  /** A piece of the answer has come. */
  pieceCame(): void {
    this.#pieceAt = this.#timers.now()
  }

  /** Stops all clocks. */
  stop(): void {
    this.#cancelTotal?.()
    this.#cancelWait?.()
    this.#request.signal.removeEventListener('abort', this.#onCallerAbort)
  }

  /** One timer for many pieces: when it runs out it looks how long ago the last one came. */
  #watchSilence(inMs: number): void {
    const idleMs = this.#idleTimeoutMs
    this.#cancelWait = this.#timers.after(inMs, () => {
      const leftMs = this.#pieceAt + idleMs - this.#timers.now()
      if (leftMs > 0) this.#watchSilence(leftMs)
      else
        this.#fail(
          this.#timeout(
            `fell silent for ${idleMs} ms within its answer; raise PROVIDER_IDLE_TIMEOUT_MS where it pauses for longer`,
          ),
        )
    })
  }

  #fail(error: ProviderError): void {
    this.stop()
    this.#onFailure(error)
  }

  /** `what` it did, and what to do. */
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
