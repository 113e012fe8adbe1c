/**
 * Calls requests again, so many at a time, until all are done, the budget is spent, the user stops it, or troubles in a row
 * say that the provider is away.
 *
 *   record ──► reserve the estimate ──► process ──► written to the shadow topic ──► done
 *                    └─ over the budget: nothing is begun any more      └─ a trouble that may pass: not written, not done
 *
 * Calls under way are always waited for: they are paid.
 */
import type { ModelCompletion, ModelRequest } from '../../../contract/types.ts'
import type { ReceivedRecord } from '../../../delivery/received-record.ts'
import { ClaimRefused, type RequestContext } from '../../../model-service/ports/request-context.ts'
import type { RequestPlace } from '../requests-in-range.ts'
import type { CostBudget } from './cost-budget.ts'
import { isPassingTrouble, rerunRequest } from './rerun-request.ts'

/** A request to call again, as it lies in the topic. */
export interface Recall {
  place: RequestPlace
  record: ReceivedRecord
  request: ModelRequest
}

/** What {@link callAgain} works with. */
export interface CallAgainOptions {
  recalls: AsyncIterator<Recall>
  runId: string
  /** Model or route. */
  target: string
  concurrency: number
  budget: CostBudget
  /** Expected cost of a request in USD, as decimal text; null when nobody knows. */
  estimate(place: RequestPlace): string | null
  /** Serves the request; its outcome is written to the shadow topic when it resolves, unless it is a trouble that may pass. */
  process(recall: Recall, request: ModelRequest, context: RequestContext): Promise<ModelCompletion>
  /** The user's wish to stop. */
  signal: AbortSignal
  onDone(place: RequestPlace, completion: ModelCompletion): void
}

/** Why it ended. */
export type CallAgainEnd = 'done' | 'stopped' | 'budget' | 'troubles'

/** What came of it. */
export interface CallAgainResult {
  end: CallAgainEnd
  /** Calls that ended in a trouble that may pass; the last one says which. */
  troubleCount: number
  lastTrouble: string | null
}

/** So many troubles in a row end a run: a provider that is away fails everything. */
export const maxTroublesInRow = 10

/** See the head of the file. Rejects with the first error of `process` or `recalls`, once nothing is under way any more. */
export async function callAgain(options: CallAgainOptions): Promise<CallAgainResult> {
  const { recalls, runId, target, budget, signal } = options
  const result: CallAgainResult = { end: 'done', troubleCount: 0, lastTrouble: null }
  let troublesInRow = 0
  let ending: CallAgainEnd | undefined
  let failed = false

  const work = async (): Promise<void> => {
    while (!failed && ending === undefined) {
      if (signal.aborted) {
        ending = 'stopped'
        return
      }
      const next = await recalls.next()
      if (next.done === true) return
      await callOne(next.value)
    }
  }

  const callOne = async (recall: Recall): Promise<void> => {
    const { place } = recall
    if (ending !== undefined || failed) return
    const settle = budget.reserve(options.estimate(place))
    if (settle === null) {
      ending = 'budget'
      return
    }
    let completion: ModelCompletion | null = null
    try {
      const request = rerunRequest(recall.request, { runId, tenant: place.tenant, target })
      completion = await options.process(recall, request, stoppable(signal))
    } catch (error) {
      if (!(error instanceof ClaimRefused)) throw error
    } finally {
      settle(completion?.cost ?? null)
    }
    if (completion === null) return
    if (isPassingTrouble(completion)) {
      result.troubleCount += 1
      result.lastTrouble = `${completion.error?.code}: ${completion.error?.message}`
      troublesInRow += 1
      if (troublesInRow >= maxTroublesInRow) ending = 'troubles'
      return
    }
    troublesInRow = 0
    options.onDone(place, completion)
  }

  const workers = Array.from({ length: options.concurrency }, () =>
    work().catch((error: unknown) => {
      failed = true
      throw error
    }),
  )
  const ends = await Promise.allSettled(workers)
  await recalls.return?.()
  const rejected = ends.find((end) => end.status === 'rejected')
  if (rejected !== undefined) throw rejected.reason
  return { ...result, end: ending ?? (signal.aborted ? 'stopped' : 'done') }
}

/** What waits for the limits of a provider is given up when the user stops; what is being called is not. */
function stoppable(signal: AbortSignal): RequestContext {
  const waiting = new AbortController()
  const give = (): void => waiting.abort(new ClaimRefused('The run was stopped before the call.'))
  if (signal.aborted) give()
  signal.addEventListener('abort', give, { once: true })
  return {
    signal: waiting.signal,
    beforeFirstCall: async () => {
      signal.removeEventListener('abort', give)
      if (signal.aborted) throw new ClaimRefused('The run was stopped before the call.')
      return { token: 1, attemptBase: 0, claimedAt: Date.now() }
    },
  }
}
