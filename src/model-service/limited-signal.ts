/** A signal with an end of its own. Close it when the work is done, or its timer keeps waiting. */
export interface LimitedSignal {
  signal: AbortSignal
  close(): void
}

/** Longest delay that a timer takes; a longer one would fire at once. */
const longestDelayMs = 2 ** 31 - 1

/**
 * A signal that aborts with the outer one, or after `afterMs` with `reason()`. Without `afterMs` only with the outer one.
 * Unlike AbortSignal.any it leaves nothing behind on a long-lived outer signal once it is closed.
 */
export function openLimitedSignal(options: {
  outer: AbortSignal | undefined
  afterMs: number | null
  reason: () => Error
}): LimitedSignal {
  const { outer, afterMs, reason } = options
  const controller = new AbortController()
  const follow = () => controller.abort(outer?.reason)
  if (outer?.aborted) follow()
  else outer?.addEventListener('abort', follow, { once: true })
  const timer =
    afterMs === null || controller.signal.aborted
      ? undefined
      : setTimeout(() => controller.abort(reason()), Math.min(Math.max(afterMs, 0), longestDelayMs))
  return {
    signal: controller.signal,
    close() {
      clearTimeout(timer)
      outer?.removeEventListener('abort', follow)
    },
  }
}
