import type { RecordFeedback } from '../contract/types.ts'
import { refuse, requireId, requireRange } from './field-rules.ts'

const maxLengths = { correction: 100_000, comment: 10_000, actor: 256 }

/**
 * Refuses feedback that cannot be kept, or says nothing.
 * @throws INVALID_REQUEST naming the field, never with its text
 */
export function validateFeedback(
  { requestId, requestTenant, score, correction, comment }: RecordFeedback,
  actor: string | null,
): void {
  requireId('requestId', requestId)
  requireId('requestTenant', requestTenant)
  requireRange('score', score, 0, 1)
  requireText('correction', correction)
  requireText('comment', comment)
  requireText('actor', actor)
  if (score === null && correction === null && comment === null) {
    refuse('score', 'is missing, as are correction and comment: expected at least one of them')
  }
}

/** The database's texts have no U+0000, and half a character cannot be written. */
function requireText(name: keyof typeof maxLengths, text: string | null): void {
  if (text === null) return
  const maxLength = maxLengths[name]
  if (text.length > maxLength) refuse(name, `must have at most ${maxLength} characters`)
  if (text.includes('\0') || !text.isWellFormed()) refuse(name, 'must be well-formed text without U+0000')
}
