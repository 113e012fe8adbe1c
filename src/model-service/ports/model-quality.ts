import type { QualitySample } from '../../routing/quality-order.ts'

/** Knows what answers of models are worth, for routes that prefer the best. Synchronous: it is asked while a request is planned. */
export interface ModelQuality {
  /** What is known of a registered model at a task type; null is no task type. */
  sample(model: string, taskType: string | null): QualitySample
}
