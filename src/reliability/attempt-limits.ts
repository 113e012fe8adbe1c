import type { ReliabilitySettings } from './reliability-settings.ts'

/** The limits of one attempt in ms; 0 is none. The time to connect is the HTTP client's. */
export interface AttemptLimits {
  /** The whole attempt. */
  totalMs: number
  /** Until the headers of the answer. */
  firstByteMs: number
  /** Until the first content of a stream. */
  firstTokenMs: number
  /** Between two pieces of content, once a stream has begun. */
  silenceMs: number
  /** Between two pieces of the answer, whatever they hold. */
  idleMs: number
}

/** What the limits are made of. */
export interface AttemptQuestion {
  settings: Pick<ReliabilitySettings, 'firstByteTimeoutMs' | 'firstTokenTimeoutMs' | 'idleTimeoutMs'>
  /** Total time that the target or the settings allow, in ms. */
  totalMs: number
  /** Whether the answer is streamed. */
  isStreamed: boolean
  /** Whether much work comes before the first byte: reasoning was asked for, or the answer comes in one piece. */
  isSlowToBegin: boolean
  /** Whether another target could take over now. */
  hasNextTarget: boolean
  /** Until the deadline, in ms; null when there is none. */
  remainingMs: number | null
}

/** What is slow to begin gets so many times the limit. */
const patience = 5
/** No deadline, however near, makes a beginning shorter than this, in ms: most answers have begun by then. */
const shortestBeginningMs = 5_000

/**
 * The limits of one attempt. How long a beginning may take is judged only where another target could take over: a target that
 * is alone is waited for as long as the total allows, because nothing better could come of giving it up. With a deadline the
 * beginning gets half of what is left, so that the next target has the other half.
 */
export function attemptLimits(question: AttemptQuestion): AttemptLimits {
  const { settings, totalMs, isStreamed, isSlowToBegin, hasNextTarget, remainingMs } = question
  const half = remainingMs === null ? Number.POSITIVE_INFINITY : Math.max(remainingMs / 2, shortestBeginningMs)
  const beginning = (ms: number) => {
    if (!hasNextTarget || ms === 0) return 0
    return Math.ceil(Math.min(isSlowToBegin ? ms * patience : ms, half))
  }
  const firstTokenMs = isStreamed ? beginning(settings.firstTokenTimeoutMs) : 0
  return {
    totalMs,
    firstByteMs: beginning(settings.firstByteTimeoutMs),
    firstTokenMs,
    silenceMs: isStreamed ? settings.idleTimeoutMs : 0,
    // A stream whose model thinks before it speaks may be silent for long; from the first content on `silenceMs` holds.
    idleMs: isStreamed ? 0 : settings.idleTimeoutMs,
  }
}
