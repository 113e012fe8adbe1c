import type { Timers } from '../delivery/timers.ts'
import { openLimitedSignal } from '../model-service/limited-signal.ts'

/** When to give up, and with what. */
export interface Limit {
  timeoutMs: number
  /** The caller's wish to stop. */
  signal: AbortSignal | undefined
  timers: Timers
  /** The error when the time is over. */
  onTimeout(): Error
  /** The error when the caller stops; called once. */
  onAbort(): Error
}

/**
 * What `run` gives, unless the limit comes first. The signal that `run` gets aborts with the limit's error; what it still does
 * after that is its own affair.
 */
export async function withinLimit<T>(limit: Limit, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timeoutMs: afterMs, signal: outer, timers, onTimeout, onAbort } = limit
  if (outer?.aborted) throw onAbort()
  const limited = openLimitedSignal({ outer, afterMs, reason: onTimeout, timers })
  const { signal } = limited
  try {
    return await new Promise<T>((resolve, reject) => {
      const over = () => reject(outer?.aborted ? onAbort() : signal.reason)
      signal.addEventListener('abort', over, { once: true })
      // What fails because of the abort comes after `over`.
      run(signal).then(resolve, reject)
    })
  } finally {
    limited.close()
  }
}
