import { describe, expect, it } from 'vitest'
import type { FoundRecord } from '../../../../src/cli/requests/find-records.ts'
import { isKnown, type RequestStory, standing, timelineOf } from '../../../../src/cli/requests/request-story.ts'
import { searchWindow, sourcesOf } from '../../../../src/cli/requests/search-window.ts'
import { completeDraft } from '../../../../src/codec/contract-type.ts'
import type { LedgerRow, LogRow } from '../../../../src/delivery/request-rows.ts'

function ledger(changes: Partial<LedgerRow> = {}): LedgerRow {
  return {
    state: 'PUBLISHED',
    status: 'COMPLETED',
    owner: 'service-1',
    worker: { host: 'one', pid: 7, version: '1.0.0', isAlive: true },
    token: 1,
    attempt: 1,
    unknownCount: 0,
    retry: 0,
    nextRetry: null,
    payloadHash: `v1:${'a'.repeat(64)}`,
    onUncertain: 'RETRY',
    sourceTopic: 'model.requests',
    sourcePartition: 2,
    sourceOffset: 11,
    outcomeBytes: null,
    createdAt: 1_000_000,
    updatedAt: 1_005_000,
    ...changes,
  }
}

function logRow(changes: Partial<LogRow> = {}): LogRow {
  return {
    startedAt: 1_001_000,
    finishedAt: 1_004_000,
    durationMs: 3_000,
    requestType: 'CHAT',
    taskType: null,
    model: 'm',
    provider: 'p',
    status: 'COMPLETED',
    errorCode: null,
    attemptCount: 1,
    registryVersion: 3,
    usage: null,
    cost: null,
    currency: null,
    costReason: 'PRICE_UNKNOWN',
    sourceTopic: 'model.requests',
    sourcePartition: 2,
    sourceOffset: 11,
    requestBytes: 10,
    completionBytes: 20,
    requestHash: 'aa',
    completionHash: 'bb',
    erasedAt: null,
    erasedBy: null,
    eraseReason: null,
    ...changes,
  }
}

function found(role: FoundRecord['role'], timestamp: number, headers: Record<string, string> = {}): FoundRecord {
  const record = { topic: role, partition: 0, offset: timestamp, key: null, value: Buffer.alloc(5), headers, timestamp }
  return { role, record }
}

function story(rows: Partial<RequestStory['rows']>, rest: Partial<RequestStory> = {}): RequestStory {
  const empty = { ledger: null, log: [], cancellation: null, feedback: [] }
  return { tenant: 'acme', requestId: 'r-1', rows: { ...empty, ...rows }, completion: null, records: null, ...rest }
}

function records(list: FoundRecord[]): RequestStory['records'] {
  return { found: list, topics: [], missingTopics: [], readCount: 0, isComplete: true }
}

describe('the standing of a request', () => {
  it.each<[string, RequestStory, string]>([
    ['published', story({ ledger: ledger() }), 'COMPLETED'],
    ['in hand', story({ ledger: ledger({ state: 'CLAIMED' }) }), 'service-1 (one, process 7, alive)'],
    ['given up', story({ ledger: ledger({ state: 'CLAIMED', owner: null }) }), 'waits to be taken over'],
    [
      'stored',
      story({ ledger: ledger({ state: 'SETTLED', status: 'FAILED' }) }),
      'FAILED, stored and not published yet',
    ],
    ['to be retried', story({ ledger: ledger({ state: 'SETTLED', nextRetry: 2 }) }), 'waits to go to retry 2'],
    ['waiting', story({ ledger: ledger({ state: 'RETRYING', retry: 2 }) }), 'waits for retry 2'],
    ['forgotten by the ledger', story({ log: [logRow({ status: 'EXPIRED' })] }), 'EXPIRED'],
    ['only asked to be cancelled', story({ cancellation: { reason: null, requestedAt: 1 } }), 'not in the ledger'],
  ])('%s', (_, given, expected) => {
    expect(isKnown(given)).toBe(true)
    expect(standing(given)).toContain(expected)
  })

  it('is unknown where nothing tells of it', () => {
    expect(isKnown(story({}))).toBe(false)
    expect(isKnown(story({}, { records: records([]) }))).toBe(false)
    expect(isKnown(story({}, { records: records([found('deadLetters', 1)]) }))).toBe(true)
  })
})

describe('the timeline', () => {
  const completion = completeDraft('ModelCompletion', {
    requestId: 'r-1',
    status: 'COMPLETED',
    attempts: [
      {
        number: 1,
        provider: 'p',
        model: 'm-1',
        outcome: 'FAILED',
        startedAt: 1_001_500,
        finishedAt: 1_002_000,
        httpStatus: 503,
        error: { code: 'PROVIDER_UNAVAILABLE', message: 'not shown' },
        cost: { amount: '0' },
      },
      { number: 2, provider: 'p', model: 'm-1', outcome: 'SUCCEEDED', startedAt: 1_002_500, cost: { amount: '0.25' } },
    ],
  })
  const entries = timelineOf(
    story(
      {
        ledger: ledger({ unknownCount: 1 }),
        log: [logRow({ erasedAt: 2_000_000, erasedBy: 'eve\u001b[2J', eraseReason: 'asked for' })],
        cancellation: { reason: 'too late', requestedAt: 1_004_500 },
        feedback: [{ actor: 'ann', score: 0.5, hasCorrection: true, hasComment: false, createdAt: 3_000_000 }],
      },
      {
        completion,
        records: records([
          found('requests', 999_000),
          found('retry', 1_000_500, { 'retry-count': '1', 'retry-not-before': '1001000' }),
          found('chunks', 1_003_000),
          found('chunks', 1_003_250),
          found('completions', 1_004_100, { ce_type: 'model.request.completed' }),
          found('deadLetters', 1_004_200, { 'dlt-reason': 'INVALID_REQUEST', 'dlt-message': 'bad\u0007' }),
        ]),
      },
    ),
  )

  it('has everything in the order of time', () => {
    expect(entries.map(({ what }) => what)).toEqual([
      'request record',
      'first claim',
      'retry record',
      'attempt 1',
      'attempt 2',
      'chunks',
      'finished',
      'completion record',
      'dead letter',
      'cancellation asked for',
      'ledger PUBLISHED',
      'bodies erased',
      'feedback',
    ])
  })

  it('tells of attempts with outcome, target and cost, of chunks by their number, and shows foreign texts safely', () => {
    const detail = (what: string) => entries.find((entry) => entry.what === what)?.detail
    expect(detail('attempt 1')).toBe('FAILED, PROVIDER_UNAVAILABLE (HTTP 503), m-1 (p), 0 USD, 500 ms')
    expect(detail('attempt 2')).toBe('SUCCEEDED, m-1 (p), 0.25 USD')
    expect(detail('chunks')).toBe('2 live deltas in 250 ms')
    expect(detail('finished')).toContain('cost unknown (PRICE_UNKNOWN)')
    expect(detail('feedback')).toBe('score 0.5, a correction by ann')
    expect(detail('bodies erased')).toBe('by eve\\x1b[2J: asked for')
    expect(detail('dead letter')).toBe('INVALID_REQUEST: bad\\x07')
    expect(detail('ledger PUBLISHED')).toContain('1 call of unknown fate')
    expect(JSON.stringify(entries)).not.toContain('not shown')
  })
})

describe('where records of a request are looked for', () => {
  it('a minute around what is known of a finished one', () => {
    const window = searchWindow({ ledger: ledger(), log: [logRow()], cancellation: null }, 9e12)
    expect(window).toEqual({ fromMs: 1_000_000 - 60_000, toMs: 1_005_000 + 60_000 })
  })

  it('up to now while it is unfinished, and the last day where nothing is known', () => {
    const now = 9e12
    expect(searchWindow({ ledger: ledger({ state: 'RETRYING' }), log: [], cancellation: null }, now).toMs).toBe(
      now + 60_000,
    )
    expect(searchWindow({ ledger: null, log: [], cancellation: null }, now)).toEqual({
      fromMs: now - 86_400_000,
      toMs: now + 60_000,
    })
  })

  it('at the places of its record, each once', () => {
    const places = sourcesOf({ ledger: ledger(), log: [logRow(), logRow({ sourceOffset: 12 })], cancellation: null })
    expect(places.map(({ offset }) => offset)).toEqual([11, 12])
    expect(sourcesOf({ ledger: null, log: [logRow({ sourceTopic: null })], cancellation: null })).toEqual([])
  })
})
