import type { Timers } from '../../../src/delivery/timers.ts'
import type { Actor, Scheduler } from './scheduler.ts'

/**
 * A worker process as the operating system sees it. Paused (SIGSTOP, a long collection of garbage, a suspended machine), its
 * continuations and timers wait and then run late; gone (kill -9), they never run. Its clock goes on either way.
 */
export class SimProcess implements Actor {
  readonly name: string
  readonly timers: Timers
  readonly #scheduler: Scheduler
  #state: Actor['state'] = 'running'
  #pausedSince = 0
  #longestPauseMs = 0
  hasCrashed = false
  /** Statements whose answer it never got. */
  lostStatementCount = 0
  /** Told of each pause, end and crash, and when it goes on. */
  onStateChange: () => void = () => {}

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.#scheduler = scheduler
    this.timers = {
      now: () => scheduler.now,
      after: (delayMs, run) => scheduler.after(delayMs, this, run),
    }
  }

  get state(): Actor['state'] {
    return this.#state
  }

  /** Longest time that it stood still, or has stood still until now, in ms. */
  longestPauseMs(): number {
    const currentMs = this.#state === 'paused' ? this.#scheduler.now - this.#pausedSince : 0
    return Math.max(this.#longestPauseMs, currentMs)
  }

  /** kill -9. */
  crash(): void {
    if (this.#state === 'gone') return
    this.#scheduler.note(this.name, 'CRASHES')
    this.hasCrashed = true
    this.#state = 'gone'
    this.onStateChange()
  }

  /** It has ended in order. */
  end(): void {
    if (this.#state === 'gone') return
    this.#scheduler.note(this.name, 'has ended')
    this.#state = 'gone'
    this.onStateChange()
  }

  /** Stands still for so long; a pause within a pause changes nothing. */
  pause(durationMs: number): void {
    if (this.#state !== 'running') return
    this.#scheduler.note(this.name, 'is STOPPED for', durationMs)
    this.#state = 'paused'
    this.#pausedSince = this.#scheduler.now
    this.#scheduler.after(durationMs, null, () => this.resume())
    this.onStateChange()
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#longestPauseMs = this.longestPauseMs()
    this.#scheduler.note(this.name, 'goes on')
    this.#state = 'running'
    this.onStateChange()
  }
}
