import type { PerformanceEventDraft } from '../contract/types.ts'
import type { Outcome, PerformanceTracker, RequestLogRow } from '../model-service/ports/outcome.ts'
import type { Feedback, PerformanceQuery, PerformanceStore } from '../model-service/ports/performance-store.ts'
import { feedbackEvent } from '../performance/feedback-event.ts'
import { commandIdReused, requestNotFound, requireAnswer } from '../performance/feedback-refusals.ts'
import { performanceKey, performanceSamples, qualityOf } from '../performance/performance-sample.ts'
import { type PerformanceSums, PerformanceSumsTable, scoreWeight, sumsOf } from '../performance/performance-sums.ts'

/** What {@link MemoryPerformance} may be given. */
export interface MemoryPerformanceOptions {
  /** Requests to remember so that they can be judged, the latest; default 10,000. */
  maxRequestCount?: number
  /** Hears of all feedback, in order. */
  onFeedback?: (event: PerformanceEventDraft) => void
}

interface Judged {
  log: RequestLogRow
  /** By actor: the score that counts. */
  scores: Map<string, number>
}

/**
 * How well models do, in the memory of the process, for use as a library and in tests. Give it to a service twice: as
 * `performanceTracker`, which counts, and as `db.performance`, which reads and takes feedback.
 *
 * @example
 * const performance = new MemoryPerformance()
 * const service = new ModelService({ ...deps, db: { ...db, performance }, performanceTracker: performance })
 */
export class MemoryPerformance implements PerformanceStore, PerformanceTracker {
  readonly #options: MemoryPerformanceOptions
  readonly #table = new PerformanceSumsTable()
  readonly #requests = new Map<string, Judged>()
  readonly #commands = new Map<string, string>()

  constructor(options: MemoryPerformanceOptions = {}) {
    this.#options = options
  }

  record({ log }: Pick<Outcome, 'log'>): void {
    for (const sample of performanceSamples(log)) this.#table.add(sumsOf(sample))
    const { maxRequestCount = 10_000 } = this.#options
    const key = keyOf(log)
    this.#requests.delete(key)
    this.#requests.set(key, { log, scores: new Map() })
    forgetOldest(this.#requests, maxRequestCount)
  }

  async sums(query: PerformanceQuery): Promise<PerformanceSums[]> {
    const { models, taskType, from, to, byDay, byTaskType = false, minQualityWeight = 0 } = query
    const found = new PerformanceSumsTable()
    for (const row of this.#table.rows()) {
      const day = row.day ?? ''
      if (models !== undefined && !models.includes(row.model)) continue
      if (taskType !== undefined && row.taskType !== taskType) continue
      if ((from !== undefined && day < from) || (to !== undefined && day > to)) continue
      found.add({ ...row, taskType: byTaskType ? row.taskType : (taskType ?? null), day: byDay ? day : null })
    }
    return found.rows().filter(({ qualityWeight }) => qualityWeight >= minQualityWeight)
  }

  async recordFeedback(feedback: Feedback): Promise<void> {
    const { tenant, requestId, commandId, digest, score } = feedback
    const earlierDigest = this.#commands.get(commandId)
    if (earlierDigest === digest) return
    if (earlierDigest !== undefined) throw commandIdReused(commandId)
    const judged = this.#requests.get(keyOf(feedback))
    if (judged === undefined) throw requestNotFound(tenant, requestId)
    requireAnswer(judged.log.status)
    this.#commands.set(commandId, digest)
    forgetOldest(this.#commands, this.#options.maxRequestCount ?? 10_000)
    if (score !== null) this.#count(judged, feedback.actor ?? '', score)
    this.#options.onFeedback?.(feedbackEvent(feedback, judged.log))
  }

  #count({ log, scores }: Judged, actor: string, score: number): void {
    const earlier = scores.get(actor)
    const quality = qualityOf(score)
    const key = performanceKey({ ...log, currency: log.cost.currency })
    if (key === null || quality === null) return
    scores.set(actor, quality)
    this.#table.add({
      ...key,
      ...{ requestCount: 0, successCount: 0, latencySumMs: 0, costSum: '0', pricedCount: 0 },
      qualitySum: scoreWeight * (quality - (earlier ?? 0)),
      qualityWeight: earlier === undefined ? scoreWeight : 0,
    })
  }
}

function keyOf({ tenant, requestId }: { tenant: string; requestId: string }): string {
  return JSON.stringify([tenant, requestId])
}

function forgetOldest(map: Map<string, unknown>, maxCount: number): void {
  if (map.size <= maxCount) return
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
