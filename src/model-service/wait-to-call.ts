import type { CallRun } from './call-run.ts'
import type { Timers } from './ports/timers.ts'

/**
 * Waits for the next call of a run; ends early with the run itself. Resolves to false, at once, when whoever runs it is about to stop
 * and the wait would take more than half of the time that is left: the call that follows would likely be cut off, and count as one of
 * unknown fate. Without it the run goes on to the next target or ends with its failure, which another worker may take up.
 */
export async function waitToCall(
  run: Pick<CallRun, 'signal' | 'stopping' | 'timers'>,
  delayMs: number,
): Promise<boolean> {
  const { signal, stopping, timers } = run
  const endsAt = timers.now() + delayMs
  await waitUnless(delayMs, timers, stopping === undefined ? [signal] : [signal, stopping.signal])
  if (stopping === undefined || !stopping.signal.aborted || signal.aborted) return true
  const restMs = endsAt - timers.now()
  if (restMs > stopping.leftMs() / 2) return false
  await waitUnless(restMs, timers, [signal])
  return true
}

/** Resolves after so many ms, or as soon as one of the signals is aborted. Leaves no listener behind. */
function waitUnless(delayMs: number, timers: Timers, signals: readonly AbortSignal[]): Promise<void> {
  if (delayMs <= 0 || signals.some(({ aborted }) => aborted)) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.after(delayMs, end)
    for (const signal of signals) signal.addEventListener('abort', end, { once: true })
  })
}
