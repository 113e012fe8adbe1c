import type { LatencySample } from '../../routing/latency-order.ts'
import type { ServingModel } from './target-health.ts'

/** Remembers how fast models answer, for routes that prefer the fastest. Synchronous: it is asked while a request is planned. */
export interface TargetLatency {
  /** What is known now. */
  sample(target: ServingModel): LatencySample
  /**
   * A call begins. What it returns must be called once, with the time to the first content of a stream, or to the whole
   * answer; null when the call says nothing of the speed.
   */
  begin(target: ServingModel): (measured: { kind: 'answered' | 'failed'; tookMs: number } | null) => void
}
