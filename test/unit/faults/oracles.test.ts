import { describe, expect, it } from 'vitest'
import type { Evidence, LoggedOutcome, SeenCompletion, SentRequest } from '../../faults/evidence.ts'
import { judge } from '../../faults/oracles.ts'

const expectation = { order: 'none', deadLetterCodes: [] } as const

const sent = (requestId: string, rest: Partial<SentRequest> = {}): SentRequest => ({
  requestId,
  key: requestId,
  onUncertain: 'RETRY',
  expects: { status: 'COMPLETED', callCount: 1 },
  ...rest,
})
const completion = (requestId: string, rest: Partial<SeenCompletion> = {}): SeenCompletion => ({
  requestId,
  eventId: `completion of ${requestId}`,
  status: 'COMPLETED',
  errorCode: null,
  attemptCount: 1,
  finishedAt: 1_500,
  partition: 0,
  offset: 0,
  source: { topic: 'requests', partition: 0, offset: 0 },
  ...rest,
})
const loggedAs = ({ requestId, status, attemptCount, finishedAt }: SeenCompletion): LoggedOutcome => ({
  requestId,
  status,
  attemptCount,
  finishedAt: finishedAt ?? 1_500,
})
const logged = (requestId: string, rest: Partial<SeenCompletion> = {}) => loggedAs(completion(requestId, rest))
const call = (requestId: string, attempt = 1) => ({ requestId, idempotencyKey: `${requestId}/${attempt}` })

/** Two requests, both called once and completed. */
function evidence(changes: Partial<Evidence> = {}): Evidence {
  const completions = changes.completions ?? [completion('a'), completion('b')]
  return {
    sent: [sent('a'), sent('b')],
    calls: [call('a'), call('b')],
    completions,
    events: ['a', 'b'].map((requestId, offset) => ({
      requestId,
      eventId: `event of ${requestId}`,
      kind: 'REQUEST',
      partition: 0,
      offset,
    })),
    deadLetters: [],
    ledger: ['a', 'b'].map((requestId) => ({ requestId, state: 'PUBLISHED', updatedAt: 2_000 })),
    requestLog: [...new Map(completions.map((record) => [record.requestId, loggedAs(record)])).values()],
    offsets: [
      { topic: 'requests', partition: 0, end: 2, committed: 2 },
      { topic: 'requests', partition: 1, end: 0, committed: -1 },
    ],
    faults: [],
    ...changes,
  }
}
const problemsOf = (changes: Partial<Evidence>, rest: Partial<Parameters<typeof judge>[1]> = {}) =>
  judge(evidence(changes), { ...expectation, ...rest }).problems.join('\n')
const fault = (claimed: string[], settled: string[] = []) => ({ what: 'killed', at: 1_000, claimed, settled })

describe('judge', () => {
  it('passes a run in which everything was called and published once', () => {
    expect(judge(evidence(), expectation)).toEqual({
      requestCount: 2,
      terminalCount: 2,
      lostCount: 0,
      doubledCount: 0,
      callCount: 2,
      repeatedCount: 0,
      excusedCount: 0,
      unexcusedCount: 0,
      recoveryMs: null,
      problems: [],
    })
  })

  it('finds a lost request', () => {
    const verdict = judge(evidence({ completions: [completion('a')] }), expectation)
    expect(verdict.lostCount).toBe(1)
    expect(verdict.problems[0]).toBe('1 × lost: no terminal record: b')
  })

  it('finds a doubled terminal record, also one that comes under another event id', () => {
    const completions = [completion('a'), completion('b'), completion('b', { eventId: 'other' })]
    expect(judge(evidence({ completions }), expectation)).toMatchObject({ doubledCount: 1 })
    expect(problemsOf({ completions })).toContain('doubled: several terminal records: b')
  })

  it.each([
    ['nobody was killed', [], 1],
    ['another request was claimed', [fault(['a'])], 1],
    ['it had settled already', [fault([], ['b'])], 1],
    ['its worker was killed mid-call', [fault(['b'])], 0],
  ])('judges a repeated call when %s', (_, faults, unexcusedCount) => {
    const completions = [completion('a'), completion('b', { attemptCount: 2 })]
    const calls = [call('a'), call('b'), call('b', 2)]
    const verdict = judge(evidence({ calls, completions, faults }), expectation)
    expect(verdict).toMatchObject({ repeatedCount: 1, unexcusedCount, excusedCount: 1 - unexcusedCount })
    expect(verdict.problems).toHaveLength(unexcusedCount)
  })

  it('excuses one call for each fault, and none where the request asked for FAIL', () => {
    const calls = [call('a'), call('b'), call('b', 2), call('b', 3)]
    const completions = [completion('a'), completion('b', { attemptCount: 3 })]
    expect(problemsOf({ calls, completions, faults: [fault(['b'])] })).toContain('b (3 calls, 1 excused)')
    expect(problemsOf({ calls, completions, faults: [fault(['b']), fault(['b'])] })).toBe('')
    const failing = { sent: [sent('a'), sent('b', { onUncertain: 'FAIL' })] }
    expect(problemsOf({ ...failing, calls, completions, faults: [fault(['b']), fault(['b'])] })).toContain('0 excused')
  })

  it('counts calls as repeated only beyond those that a request takes', () => {
    const calls = [call('a'), call('b'), call('b', 2), call('b', 3)]
    const completions = [completion('a'), completion('b', { status: 'FAILED', attemptCount: 3 })]
    const failing = (callCount: number) => [sent('a'), sent('b', { expects: { status: 'FAILED', callCount } })]
    expect(problemsOf({ sent: failing(3), calls, completions })).toBe('')
    expect(problemsOf({ sent: failing(2), calls, completions })).toContain('called again without an excuse: b')
  })

  it('finds two calls of one attempt, whatever is excused', () => {
    const calls = [call('a'), call('b'), call('b')]
    const completions = [completion('a'), completion('b', { attemptCount: 2 })]
    expect(problemsOf({ calls, completions, faults: [fault(['b'])] })).toContain('several calls of one attempt')
  })

  it('finds a call that the terminal record does not tell of', () => {
    const calls = [call('a'), call('b'), call('b', 2)]
    expect(problemsOf({ calls, faults: [fault(['b'])] })).toContain('does not account for: b')
  })

  it('takes OUTCOME_UNKNOWN only where the request asked for it and its worker was killed', () => {
    const completions = [completion('a'), completion('b', { status: 'FAILED', errorCode: 'OUTCOME_UNKNOWN' })]
    const asked = { sent: [sent('a'), sent('b', { onUncertain: 'FAIL' })], completions }
    expect(problemsOf({ ...asked, faults: [fault(['b'])] })).toBe('')
    expect(problemsOf(asked)).toContain('unexpected status: b FAILED OUTCOME_UNKNOWN')
    expect(problemsOf({ completions, faults: [fault(['b'])] })).toContain('unexpected status')
  })

  it.each<[string, Partial<Evidence>, string]>([
    [
      'a ledger row left behind',
      { ledger: [{ requestId: 'a', state: 'SETTLED', updatedAt: 1 }] },
      'not PUBLISHED: a SETTLED',
    ],
    ['a missing ledger row', { ledger: [] }, '2 × no ledger row'],
    ['a missing row in the request log', { requestLog: [logged('a')] }, 'the request log lacks: b'],
    [
      'a row in the request log too many',
      { requestLog: [logged('a'), logged('b'), logged('b')] },
      'several rows in the request log: b',
    ],
    ...(['status', 'attemptCount', 'finishedAt'] as const).map((field): [string, Partial<Evidence>, string] => [
      `another ${field} in the request log`,
      { requestLog: [logged('a'), logged('b', { [field]: field === 'status' ? 'FAILED' : 1_501 })] },
      'another outcome than the one that was settled: b',
    ]),
    [
      'an offset that was not committed',
      { offsets: [{ topic: 't', partition: 3, end: 5, committed: 4 }] },
      't/3 at 4 of 5',
    ],
    ['a dead letter', { deadLetters: [{ code: 'DECODE_FAILED' }] }, 'other dead letters than expected: DECODE_FAILED'],
    ['a missing performance event', { events: [] }, 'no performance event'],
    [
      'nothing that succeeded',
      { completions: [completion('a', { status: 'FAILED' }), completion('b', { status: 'FAILED' })] },
      'nothing succeeded',
    ],
  ])('finds %s', (_, changes, problem) => {
    expect(problemsOf(changes)).toContain(problem)
  })

  it('finds terminal records of a key in another order than its requests', () => {
    const ordered = [
      completion('a', { offset: 10, source: { topic: 'requests', partition: 0, offset: 1 } }),
      completion('b', { offset: 11, source: { topic: 'requests', partition: 0, offset: 2 } }),
    ]
    const sameKey = { sent: [sent('a', { key: 'k' }), sent('b', { key: 'k' })] }
    expect(problemsOf({ ...sameKey, completions: ordered }, { order: 'key' })).toBe('')
    const turned = ordered.map((record) => ({ ...record, offset: 20 - record.offset }))
    expect(problemsOf({ ...sameKey, completions: turned }, { order: 'key' })).toContain('out of order (key): k')
    expect(problemsOf({ completions: turned }, { order: 'key' })).toBe('')
    expect(problemsOf({ completions: turned }, { order: 'partition' })).toContain('out of order (partition)')
  })

  it('measures recovery from the fault to the publication of what the worker had in hand', () => {
    expect(judge(evidence({ faults: [fault(['a'], ['b'])] }), expectation).recoveryMs).toBe(1_000)
  })
})
