import { ModelServiceError } from '../errors/model-service-error.ts'
import type { AttemptLimits } from '../reliability/attempt-limits.ts'
import type { Timers } from './ports/timers.ts'

/** What the clocks of an attempt need. */
export interface AttemptClocksOptions {
  /** Id of the provider, for the error. */
  provider: string
  limits: AttemptLimits
  /** Ends the attempt from outside. */
  outer: AbortSignal
  timers: Timers
}

/** An adapter that ignores its signal is left behind after so long. */
const abandonAfterMs = 2_000

/**
 * The clocks of one attempt that need no network: the total, the time to the first content, and the silence between contents,
 * for which keep-alives do not count. The first that runs out aborts `signal`; the HTTP client has the others (connect, first
 * byte, silence of the bytes). Stop them when the attempt is over.
 */
export class AttemptClocks {
  /** Why the attempt was ended by a clock; null while none has run out. */
  expired: ModelServiceError | null = null
  /** Rejects with the signal's reason some time after the signal was aborted: for adapters that do not heed it. */
  readonly abandoned: Promise<never>
  readonly #options: AttemptClocksOptions
  readonly #controller = new AbortController()
  readonly #cancelTotal: () => void
  #cancelContent: (() => void) | undefined
  #cancelAbandon: (() => void) | undefined
  readonly #abandon: (reason: unknown) => void
  #contentAt: number | null = null
  readonly #follow = () => this.#abort(this.#options.outer.reason)

  constructor(options: AttemptClocksOptions) {
    this.#options = options
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {})
    this.abandoned = promise
    this.#abandon = reject
    const { outer, timers, limits } = options
    const { totalMs, firstTokenMs } = limits
    outer.addEventListener('abort', this.#follow, { once: true })
    this.#cancelTotal = timers.after(totalMs, () => this.#expire(`took more than ${totalMs} ms`))
    if (firstTokenMs > 0) {
      this.#cancelContent = timers.after(firstTokenMs, () =>
        this.#expire(`gave no content within ${firstTokenMs} ms (first token)`),
      )
    }
    if (outer.aborted) this.#follow()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Content has come. */
  contentCame(): void {
    const isFirst = this.#contentAt === null
    this.#contentAt = this.#options.timers.now()
    const { silenceMs } = this.#options.limits
    if (!isFirst || this.signal.aborted) return
    this.#cancelContent?.()
    if (silenceMs > 0) this.#watchSilence(silenceMs)
  }

  stop(): void {
    this.#stopLimits()
    this.#cancelAbandon?.()
  }

  #stopLimits(): void {
    this.#cancelTotal()
    this.#cancelContent?.()
    this.#options.outer.removeEventListener('abort', this.#follow)
  }

  /** One timer for many contents: when it runs out it looks how long ago the last one came. */
  #watchSilence(inMs: number): void {
    const { timers, limits } = this.#options
    this.#cancelContent = timers.after(inMs, () => {
      const leftMs = (this.#contentAt ?? 0) + limits.silenceMs - timers.now()
      if (leftMs > 0) this.#watchSilence(leftMs)
      else this.#expire(`gave no further content for ${limits.silenceMs} ms`)
    })
  }

  #expire(what: string): void {
    const { provider } = this.#options
    this.expired = new ModelServiceError('REQUEST_TIMEOUT', `The attempt at provider ${provider} ${what}.`, {
      provider,
    })
    this.#abort(this.expired)
  }

  #abort(reason: unknown): void {
    this.#stopLimits()
    this.#controller.abort(reason)
    this.#cancelAbandon = this.#options.timers.after(abandonAfterMs, () => this.#abandon(reason))
  }
}
