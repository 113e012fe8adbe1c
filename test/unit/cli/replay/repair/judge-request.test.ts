import { expect, it } from 'vitest'
import { judgeRequest, type MissingRequest } from '../../../../../src/cli/replay/repair/judge-request.ts'

const day = 86_400_000
const base: MissingRequest = {
  ledger: null,
  isCommitted: true,
  isDeadLettered: false,
  ageMs: day,
  ledgerRetentionMs: 30 * day,
}
const row = (state: string, rest: { ownerLives?: boolean; isRetry?: boolean } = {}) => ({
  ledger: { state, ownerLives: false, isRetry: false, ...rest },
})

it.each<[string, Partial<MissingRequest>, string]>([
  ['nothing holds it, and its offset is passed', {}, 'lost'],
  ['the workers have yet to come to it', { isCommitted: false }, 'waiting'],
  ['it is in the dead letter topic', { isDeadLettered: true }, 'dead-lettered'],
  ['it is as old as the ledger remembers', { ageMs: 30 * day }, 'forgotten'],
  ['it is almost as old', { ageMs: 30 * day - 1 }, 'lost'],
  ['it is old, but still to be read', { ageMs: 31 * day, isCommitted: false }, 'waiting'],
  ['a living worker calls for it', row('CLAIMED', { ownerLives: true }), 'running'],
  ['a living worker calls for a retry of it', row('CLAIMED', { ownerLives: true, isRetry: true }), 'running'],
  ['its worker died, and its record comes again', { ...row('CLAIMED'), isCommitted: false }, 'waiting'],
  ['its worker died, and its offset is passed', row('CLAIMED'), 'lost'],
  ['its worker died in a retry, whose record comes again', row('CLAIMED', { isRetry: true }), 'retrying'],
  ['it waits for a retry', row('RETRYING', { isRetry: true }), 'retrying'],
  ['its outcome is stored', row('SETTLED'), 'settled'],
  ['it is finished', row('PUBLISHED'), 'finished'],
  ['it is finished, however old', { ...row('PUBLISHED'), ageMs: 31 * day }, 'finished'],
])('judges that %s', (_, facts, expected) => {
  expect(judgeRequest({ ...base, ...facts })).toBe(expected)
})
