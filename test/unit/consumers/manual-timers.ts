import type { Timers } from '../../../src/delivery/timers.ts'

/** Timers that move only when told to; between two of them all promises that can settle do. */
export class ManualTimers implements Timers {
  #now = 0
  #due: { at: number; order: number; run: () => void }[] = []
  #order = 0

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, order: this.#order++, run }
    this.#due.push(timer)
    return () => {
      this.#due = this.#due.filter((other) => other !== timer)
    }
  }

  get pendingCount(): number {
    return this.#due.length
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (next === undefined) break
      this.#due = this.#due.filter((other) => other !== next)
      this.#now = next.at
      next.run()
      await settle()
    }
    this.#now = end
  }
}

/** Lets everything that waits for promises only go on. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve)
  })
}
