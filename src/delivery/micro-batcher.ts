/**
 * Collects single items into batches, one batch at a time.
 *
 *   waiting ──(linger over, or maxCount or maxBytes reached)──► running ──► each item's promise settles
 *
 * While a batch runs, what comes in waits for its end and then leaves at once: the batch before was its linger. An item
 * waits for company only where company is likely, that is when the item before it came less than `lingerMs` ago; after a
 * longer pause it leaves with the end of the turn. So few requests are fast, and many of them cheap.
 */
import { systemTimers, type Timers } from './timers.ts'

/** What a batcher is made of. */
export interface MicroBatcherOptions<TItem, TResult> {
  /** Works on a batch; gives one result per item, in their order. A rejection rejects all items of the batch. */
  run(items: readonly TItem[]): Promise<readonly TResult[]>
  /** Items of one batch. */
  maxCount: number
  /** How long an item waits for others at most, in ms; 0 waits for the end of the current turn of the event loop only. */
  lingerMs: number
  /** Bytes of one batch; a larger item goes alone. No limit when left out. */
  maxBytes?: number
  /** Size of an item; needed with `maxBytes`. */
  bytesOf?(item: TItem): number
  timers?: Timers
}

interface Entry<TItem, TResult> {
  item: TItem
  bytes: number
  resolve(result: TResult): void
  reject(error: unknown): void
}

/** See the top of the file. */
export class MicroBatcher<TItem, TResult> {
  readonly #options: MicroBatcherOptions<TItem, TResult>
  readonly #timers: Timers
  #waiting: Entry<TItem, TResult>[] = []
  #waitingBytes = 0
  #running = false
  #cancelLinger: (() => void) | undefined
  #lastAddedAt = Number.NEGATIVE_INFINITY
  #idleListeners: (() => void)[] = []

  constructor(options: MicroBatcherOptions<TItem, TResult>) {
    this.#options = options
    this.#timers = options.timers ?? systemTimers
  }

  /** Hands an item over; settles with its own result. */
  add(item: TItem): Promise<TResult> {
    const { promise, resolve, reject } = Promise.withResolvers<TResult>()
    const bytes = this.#options.bytesOf?.(item) ?? 0
    this.#waiting.push({ item, bytes, resolve, reject })
    this.#waitingBytes += bytes
    const { lingerMs } = this.#options
    const now = this.#timers.now()
    const isAlone = now - this.#lastAddedAt >= lingerMs
    this.#lastAddedAt = now
    if (!this.#running) {
      if (this.#full) this.flush()
      else this.#cancelLinger ??= this.#timers.after(isAlone ? 0 : lingerMs, () => this.flush())
    }
    return promise
  }

  /** Ends the linger of what waits. */
  flush(): void {
    this.#cancelLinger?.()
    this.#cancelLinger = undefined
    if (!this.#running && this.#waiting.length > 0) void this.#runAll()
  }

  /** Resolves when nothing waits or runs; ends the linger. */
  idle(): Promise<void> {
    this.flush()
    if (!this.#running) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleListeners.push(resolve)
    })
  }

  get #full(): boolean {
    const { maxCount, maxBytes = Number.POSITIVE_INFINITY } = this.#options
    return this.#waiting.length >= maxCount || this.#waitingBytes >= maxBytes
  }

  async #runAll(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) await this.#runOne(this.#take())
    this.#running = false
    const listeners = this.#idleListeners
    this.#idleListeners = []
    for (const listener of listeners) listener()
  }

  #take(): Entry<TItem, TResult>[] {
    const { maxCount, maxBytes = Number.POSITIVE_INFINITY } = this.#options
    let count = 0
    let bytes = 0
    for (const entry of this.#waiting) {
      if (count > 0 && (count >= maxCount || bytes + entry.bytes > maxBytes)) break
      count++
      bytes += entry.bytes
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }

  async #runOne(entries: readonly Entry<TItem, TResult>[]): Promise<void> {
    try {
      const results = await this.#options.run(entries.map((entry) => entry.item))
      if (results.length !== entries.length) {
        throw new Error(`a batch of ${entries.length} items came back with ${results.length} results`)
      }
      for (const [index, entry] of entries.entries()) entry.resolve(results[index] as TResult)
    } catch (error) {
      for (const entry of entries) entry.reject(error)
    }
  }
}
