/** Who waits for which answer. Several may wait for the same one. */
export class PendingAnswers<T> {
  readonly #waiting = new Map<string, Set<PromiseWithResolvers<T>>>()

  /** Whether anybody waits for the answer of this key. */
  has(key: string): boolean {
    return this.#waiting.has(key)
  }

  /** Waits from now on, until `end` is called. */
  wait(key: string): { answer: Promise<T>; end(): void } {
    const waiter = Promise.withResolvers<T>()
    // Whoever waits may have given up when the client is closed.
    waiter.promise.catch(() => {})
    const waiters = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiters.add(waiter))
    return {
      answer: waiter.promise,
      end: () => {
        waiters.delete(waiter)
        if (waiters.size === 0 && this.#waiting.get(key) === waiters) this.#waiting.delete(key)
      },
    }
  }

  resolve(key: string, answer: T): void {
    for (const waiter of this.#waiting.get(key) ?? []) waiter.resolve(answer)
  }

  reject(key: string, error: Error): void {
    for (const waiter of this.#waiting.get(key) ?? []) waiter.reject(error)
  }

  /** Rejects all that wait now. */
  rejectAll(error: Error): void {
    for (const key of this.#waiting.keys()) this.reject(key, error)
  }
}
