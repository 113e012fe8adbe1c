/** How much may be in hand at once. */
export interface WindowLimits {
  /** Records; default 1,000. */
  windowCount: number
  /** Bytes of keys, values and headers; default 64 MiB. */
  windowBytes: number
}

/** Share of both limits below which a full window opens again. */
const REOPEN_AT = 0.7

/**
 * Counts what is in hand. It closes at either limit and opens again below 70 % of both, so that reading does not flutter.
 * What a fetch brings after closing is still taken: the window may be exceeded by one fetch.
 */
export class IntakeWindow {
  readonly #limits: WindowLimits
  #count = 0
  #bytes = 0
  #isFull = false

  constructor(limits: WindowLimits) {
    this.#limits = limits
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether reading should pause. */
  get isFull(): boolean {
    return this.#isFull
  }

  add(bytes: number): void {
    this.#count += 1
    this.#bytes += bytes
    this.#judge()
  }

  remove(bytes: number): void {
    this.#count -= 1
    this.#bytes -= bytes
    this.#judge()
  }

  #judge(): void {
    const { windowCount, windowBytes } = this.#limits
    const share = Math.max(this.#count / windowCount, this.#bytes / windowBytes)
    if (share >= 1) this.#isFull = true
    else if (share < REOPEN_AT) this.#isFull = false
  }
}
