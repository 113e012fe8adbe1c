import type { Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
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
 * What `run` gives, unless the limit comes first. The signal that `run` gets aborts with the limit's error, and in any case when
 * this ends: nobody waits for what `run` still does by then, so it must not go on for ever.
 */
export async function withinLimit<T>(limit: Limit, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timeoutMs: afterMs, signal: outer, timers, onTimeout, onAbort } = limit
  if (outer?.aborted) throw onAbort()
  const limited = openLimitedSignal({ outer, afterMs, reason: onTimeout, timers })
  const ending = new AbortController()
  try {
    return await new Promise<T>((resolve, reject) => {
      const over = () => {
        const error = outer?.aborted ? onAbort() : limited.signal.reason
        reject(error)
        // What fails because of the abort comes after the rejection.
        ending.abort(error)
      }
      limited.signal.addEventListener('abort', over, { once: true })
      run(ending.signal).then(resolve, reject)
    })
  } finally {
    limited.close()
    if (!ending.signal.aborted) ending.abort(new ModelServiceError('CANCELLED', 'Nobody waits for this any more.'))
  }
}
