import { keepAliveTimers } from './keep-alive-timers.ts'
import type { Timers } from './ports/timers.ts'

/** A signal with an end of its own. Close it when the work is done, or its timer keeps waiting. */
export interface LimitedSignal {
  signal: AbortSignal
  close(): void
}

/**
 * A signal that aborts with the outer one, or after `afterMs` with `reason()`. Without `afterMs` only with the outer one.
 * Unlike AbortSignal.any it leaves nothing behind on a long-lived outer signal once it is closed.
 */
export function openLimitedSignal(options: {
  outer: AbortSignal | undefined
  afterMs: number | null
  reason: () => Error
  /** The runtime's own by default. */
  timers?: Timers
}): LimitedSignal {
  const { outer, afterMs, reason, timers = keepAliveTimers } = options
  const controller = new AbortController()
  const follow = () => controller.abort(outer?.reason)
  if (outer?.aborted) follow()
  else outer?.addEventListener('abort', follow, { once: true })
  const cancel =
    afterMs === null || controller.signal.aborted ? undefined : timers.after(afterMs, () => controller.abort(reason()))
  return {
    signal: controller.signal,
    close() {
      cancel?.()
      outer?.removeEventListener('abort', follow)
    },
  }
}
