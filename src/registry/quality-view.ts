/**
 * What answers of models are worth, read in the background, so that no request waits for it: every half minute, of the last 30
 * days, and only for models that a route of BEST_QUALITY names. While the database is away the last view holds.
 */
import { repeat, systemTimers, type Timers } from '../delivery/timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import type { ModelQuality } from '../model-service/ports/model-quality.ts'
import type { PerformanceQuery, PerformanceStore } from '../model-service/ports/performance-store.ts'
import type { Registry } from '../model-service/ports/registry.ts'
import { dayOf } from '../performance/days.ts'
import { maxNameLength } from '../performance/performance-sample.ts'
import { provenWeight, type QualitySample } from '../routing/quality-order.ts'

/** What {@link QualityView} is given. */
export interface QualityViewOptions {
  registry: Pick<Registry, 'listRoutes'>
  store: Pick<PerformanceStore, 'sums'>
  log: Log
  /** Time between two looks in ms; default 30,000. */
  intervalMs?: number
  timers?: Timers
  /** Unix time in ms; default `Date.now`. */
  now?: () => number
}

const windowMs = 30 * 86_400_000
const nothing: QualitySample = { quality: null, weight: 0 }

/** See the head of the file. */
export class QualityView implements ModelQuality {
  readonly #options: QualityViewOptions
  #samples: ReadonlyMap<string, QualitySample> = new Map()
  #end: (() => Promise<void>) | undefined

  constructor(options: QualityViewOptions) {
    this.#options = options
  }

  /** Looks at once, and again and again. */
  start(): void {
    const { timers = systemTimers, intervalMs = 30_000 } = this.#options
    this.#end ??= repeat(timers, {
      run: async () => {
        await this.refresh()
        return intervalMs
      },
    })
  }

  /** Waits for the look under way; no other follows. */
  async stop(): Promise<void> {
    await this.#end?.()
  }

  /** At this task type where enough is known of it, else over all. */
  sample(model: string, taskType: string | null): QualitySample {
    return (
      this.#samples.get(keyOf(model, taskType?.slice(0, maxNameLength) ?? '')) ??
      this.#samples.get(keyOf(model, null)) ??
      nothing
    )
  }

  /** Looks now. Never rejects. */
  async refresh(): Promise<void> {
    const { registry, store, log, now = Date.now } = this.#options
    try {
      const routes = (await registry.listRoutes()).filter(({ definition }) => definition.strategy === 'BEST_QUALITY')
      const models = [...new Set(routes.flatMap(({ definition }) => definition.targets.map(({ model }) => model)))]
      const samples = new Map<string, QualitySample>()
      if (models.length > 0) {
        const query = { models, from: dayOf(now() - windowMs), byDay: false }
        await addSamples(samples, store, { ...query })
        await addSamples(samples, store, { ...query, byTaskType: true, minQualityWeight: provenWeight })
      }
      this.#samples = samples
    } catch (error) {
      log.warn({ err: error }, 'The quality of models could not be read; routes go by what was known before')
    }
  }
}

async function addSamples(
  samples: Map<string, QualitySample>,
  store: Pick<PerformanceStore, 'sums'>,
  query: PerformanceQuery,
): Promise<void> {
  const totals = new Map<string, { sum: number; weight: number }>()
  for (const { model, taskType, qualitySum, qualityWeight } of await store.sums(query)) {
    const key = keyOf(model, taskType)
    const { sum, weight } = totals.get(key) ?? { sum: 0, weight: 0 }
    totals.set(key, { sum: sum + qualitySum, weight: weight + qualityWeight })
  }
  for (const [key, { sum, weight }] of totals) samples.set(key, { quality: weight > 0 ? sum / weight : null, weight })
}

function keyOf(model: string, taskType: string | null): string {
  return JSON.stringify([model, taskType])
}
