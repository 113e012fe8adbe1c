import type { FinishReason } from '../contract/types.ts'

/** Confidence in an answer, 0 to 1: what the adapter says, else 0.9 for STOP, 0.7 for LENGTH, 0.5 for anything else. */
export function confidenceOf(answer: { finishReason: FinishReason; confidence?: number }): number {
  if (answer.confidence !== undefined && Number.isFinite(answer.confidence)) {
    return Math.min(1, Math.max(0, answer.confidence))
  }
  switch (answer.finishReason) {
    case 'STOP':
      return 0.9
    case 'LENGTH':
      return 0.7
    default:
      return 0.5
  }
}
