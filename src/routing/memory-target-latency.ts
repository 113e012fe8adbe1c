import type { ServingModel } from '../model-service/ports/target-health.ts'
import type { TargetLatency } from '../model-service/ports/target-latency.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import type { LatencySample } from './latency-order.ts'
import { fadedValue, type PeakEwma, withMeasurement } from './peak-ewma.ts'

/** A failure counts as an answer after so long, at least, in ms: a target that fails fast must not look fast. */
const failureMs = 10_000
/** No measurement counts for more, in ms. */
const longestMs = 300_000
/** Model names come from requests, so their number has no other bound. */
const maxEntries = 4_096

interface Entry {
  average: PeakEwma | null
  openCount: number
}

/**
 * How fast models answer, in the memory of one process: a {@link PeakEwma} each, fed by every attempt. Not shared between
 * workers: each measures by its own calls. What was not called for longest is forgotten first.
 */
export class MemoryTargetLatency implements TargetLatency {
  readonly #timers: Pick<Timers, 'now'>
  readonly #entries = new Map<string, Entry>()

  constructor({ timers }: { timers: Pick<Timers, 'now'> }) {
    this.#timers = timers
  }

  sample(target: ServingModel): LatencySample {
    const entry = this.#entries.get(keyOf(target))
    if (entry === undefined) return { latencyMs: null, openCount: 0 }
    const { average, openCount } = entry
    return { latencyMs: average === null ? null : fadedValue(average, this.#timers.now()), openCount }
  }

  begin(target: ServingModel): ReturnType<TargetLatency['begin']> {
    const entry = this.#touch(keyOf(target))
    entry.openCount += 1
    let isOver = false
    return (measured) => {
      if (isOver) return
      isOver = true
      entry.openCount -= 1
      if (measured === null) return
      const now = this.#timers.now()
      const known = entry.average === null ? 0 : fadedValue(entry.average, now)
      const ms = measured.kind === 'failed' ? Math.max(measured.tookMs, 2 * known, failureMs) : measured.tookMs
      if (ms >= 0) entry.average = withMeasurement(entry.average, Math.min(ms, longestMs), now)
    }
  }

  #touch(key: string): Entry {
    const entry = this.#entries.get(key) ?? { average: null, openCount: 0 }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size > maxEntries) {
      const [oldest] = this.#entries.keys()
      if (oldest !== undefined) this.#entries.delete(oldest)
    }
    return entry
  }
}

function keyOf({ provider, model }: ServingModel): string {
  return `${provider}\0${model}`
}
