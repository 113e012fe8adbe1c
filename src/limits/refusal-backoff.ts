/**
 * How a model under a key is left alone after it has refused calls for their rate (429). What it asks to wait is kept; where it says
 * nothing, the wait is short, drawn at random, and longer each time:
 *
 *   free ──refused──► left alone ──the time is over──► trying ──enough calls got through──► free
 *                         ▲                              │
 *                         └──────────── refused ─────────┘
 *
 * While trying, half as many calls at once are let in as were under way when it refused, and one more for each that gets through:
 * all who waited at once would only be refused again. Refusals of calls that began before the last one say nothing new.
 */
import { longestBelievedMs } from './learned-limit.ts'

interface Refused {
  /** How often in a row without a call that got through. */
  count: number
  at: number
  /** Until when nothing is let in. */
  until: number
  /** So many calls at once may be tried then. */
  width: number
  /** At so many it is free again. */
  freeWidth: number
}

/** Bounds of the waits where the provider does not say, in ms; they double with each refusal. */
const firstWaitMs = 1_000
const longestWaitMs = 30_000
/** All who were told the same wait must not come back at the same moment. */
const longestSpreadMs = 1_000

/** See the top of the file. */
export class RefusalBackoff {
  #refused: Refused | null = null

  /** Whether it keeps nobody away; also when nobody called for a minute since it could be. */
  isFree(now: number): boolean {
    return this.#refused === null || now - this.#refused.until >= longestBelievedMs
  }

  /** In how many ms a call may be made beside so many others; Infinity while only the end of one of them can help. */
  waitMs(now: number, inFlightCount: number): number {
    if (this.#refused === null || this.isFree(now)) return 0
    const { until, width } = this.#refused
    if (now < until) return until - now
    return inFlightCount < width ? 0 : Number.POSITIVE_INFINITY
  }

  /** A call was refused. `draw` is from 0 (included) to 1 (excluded). */
  refused(call: {
    startedAt: number
    now: number
    /** How long the provider asked to wait, in ms; null when it did not say. */
    retryAfterMs: number | null
    /** Calls under way, this one included. */
    inFlightCount: number
    draw: number
  }): void {
    const { startedAt, now, retryAfterMs, inFlightCount, draw } = call
    const before = this.isFree(now) ? null : this.#refused
    const until = now + this.#pauseMs(retryAfterMs, draw, before?.count ?? 0)
    if (before !== null && startedAt <= before.at) {
      // Of those that failed together the longest wait counts.
      if (retryAfterMs !== null) before.until = Math.max(before.until, until)
      return
    }
    const freeWidth = Math.max(inFlightCount, 1)
    this.#refused = {
      ...{ count: (before?.count ?? 0) + 1, at: now, until },
      ...{ width: Math.max(1, Math.floor(freeWidth / 2)), freeWidth: Math.max(freeWidth, before?.freeWidth ?? 0) },
    }
  }

  /** A call got through, be it to another failure. */
  gotThrough(startedAt: number): void {
    if (this.#refused === null || startedAt <= this.#refused.at) return
    this.#refused.count = 0
    this.#refused.width += 1
    if (this.#refused.width >= this.#refused.freeWidth) this.#refused = null
  }

  #pauseMs(retryAfterMs: number | null, draw: number, count: number): number {
    if (retryAfterMs !== null) {
      const askedMs = Math.min(Math.max(retryAfterMs, 0), longestBelievedMs)
      return Math.ceil(askedMs + draw * Math.min(askedMs / 4, longestSpreadMs))
    }
    const longestMs = Math.min(firstWaitMs * 2 ** count, longestWaitMs)
    return Math.ceil((longestMs * (1 + draw)) / 2)
  }
}
