import { describe, expect, it } from 'vitest'
import {
  judgeBacklog,
  judgeBroker,
  judgeClock,
  judgeGroups,
  judgeNode,
  judgeRetention,
  judgeTopics,
  judgeTransactions,
  judgeWorkers,
} from '../../../../src/cli/doctor/judge.ts'
import type { TopicRow } from '../../../../src/events/topic-admin.ts'

const dayMs = 86_400_000
const statuses = (findings: readonly { status: string }[]) => findings.map(({ status }) => status)

describe('Node', () => {
  it.each([
    ['v22.19.0', 'ok'],
    ['v22.20.0', 'ok'],
    ['v24.0.1', 'ok'],
    ['v22.18.9', 'fail'],
    ['v9.99.99', 'fail'],
  ])('%s: %s', (version, status) => {
    expect(judgeNode(version, '>=22.19.0').status).toBe(status)
  })
})

describe('topics', () => {
  const row = (changes: Partial<TopicRow>): TopicRow => ({
    topic: 't',
    role: 'requests',
    partitions: 3,
    status: 'unchanged',
    differences: [],
    ...changes,
  })

  it('as they must be are one finding', () => {
    expect(judgeTopics([row({}), row({})])).toMatchObject([{ status: 'ok', what: '2 topics are as they must be' }])
  })

  it('missing or wrong ones fail, another retention is for a person to judge', () => {
    const findings = judgeTopics([
      row({ status: 'missing' }),
      row({ status: 'different', differences: ['retention.ms: 1, expected 2', 'max.message.bytes: 1, expected 2'] }),
      row({ status: 'different', differences: ['retention.ms: 1, expected 2'] }),
    ])
    expect(statuses(findings)).toEqual(['fail', 'fail', 'warn'])
    expect(findings.every(({ action }) => action.includes('topics apply'))).toBe(true)
  })
})

describe('retention of the ledger', () => {
  const source = (days: number | null, segmentDays = 7) => ({
    topic: 't',
    retentionMs: days === null ? null : days * dayMs,
    segmentMs: segmentDays * dayMs,
  })

  it.each<[string, number | null, string]>([
    ['shorter, with the segments', 32, 'ok'],
    ['shorter, but perhaps not with the segments', 33, 'warn'],
    ['equal', 40, 'fail'],
    ['longer', 41, 'fail'],
    ['for ever', null, 'fail'],
  ])('a topic that is kept %s', (_, days, status) => {
    expect(statuses(judgeRetention([source(days)], 40))).toEqual([status])
  })

  it('names each topic that is kept too long, and what to set', () => {
    const findings = judgeRetention([source(1), source(41), source(50)], 40)
    expect(findings).toHaveLength(2)
    expect(findings[1]?.action).toContain('LEDGER_RETENTION_DAYS above 57 days')
  })
})

describe('the clock', () => {
  it.each([
    [0, 5, 'ok'],
    [-900, 5, 'ok'],
    [1_500, 5, 'warn'],
    [-1_500, 5, 'warn'],
    // The difference cannot be told apart from a slow answer.
    [1_500, 3_000, 'ok'],
  ])('%d ms off at a round trip of %d ms: %s', (difference, roundTrip, status) => {
    expect(judgeClock(difference, roundTrip).status).toBe(status)
  })
})

describe('groups and workers', () => {
  it('nobody reads, or too slowly', () => {
    const groups = [
      { groupId: 'a', memberCount: 0, lag: 0 },
      { groupId: 'b', memberCount: 2, lag: 1_001 },
      { groupId: 'c', memberCount: 2, lag: 1_000 },
    ]
    expect(statuses(judgeGroups(groups))).toEqual(['warn', 'warn', 'ok'])
  })

  it('none, several versions, and more than there are partitions', () => {
    const workers = [
      { id: '1', version: '1.0.0' },
      { id: '2', version: '1.1.0' },
    ]
    expect(statuses(judgeWorkers([], 3))).toEqual(['warn'])
    expect(statuses(judgeWorkers(workers.slice(0, 1), 1))).toEqual(['ok'])
    expect(statuses(judgeWorkers(workers, null))).toEqual(['ok', 'warn'])
    expect(statuses(judgeWorkers(workers, 1))).toEqual(['ok', 'warn', 'warn'])
  })
})

describe('unfinished work', () => {
  const outbox = { count: 0, failedCount: 0, oldestSeconds: 0 }

  it('in hand and on its way out is well', () => {
    const ledger = [
      { state: 'CLAIMED', count: 3, oldestSeconds: 3_000 },
      { state: 'SETTLED', count: 2, oldestSeconds: 1 },
    ]
    expect(judgeBacklog({ ledger, uncertainCount: 0, outbox })).toMatchObject([
      { status: 'ok', what: '3 requests in hand, 2 outcomes on the way out' },
    ])
  })

  it('that is stuck, in doubt or set aside is not', () => {
    const ledger = [{ state: 'SETTLED', count: 2, oldestSeconds: 121 }]
    const findings = judgeBacklog({
      ledger,
      uncertainCount: 4,
      outbox: { count: 1, failedCount: 5, oldestSeconds: 61 },
    })
    expect(statuses(findings)).toEqual(['fail', 'warn', 'fail', 'warn'])
  })
})

describe('the broker', () => {
  const broker = {
    maxTransactionMs: 900_000,
    minSessionMs: 6_000,
    maxSessionMs: 1_800_000,
    isTopicCreationAutomatic: false,
  }
  const settings = { transactionTimeoutMs: 15_000, sessionTimeoutMs: 30_000 }

  it.each<[string, object, string]>([
    ['allows what the settings say', {}, 'ok'],
    [
      'tells nothing',
      { maxTransactionMs: null, minSessionMs: null, maxSessionMs: null, isTopicCreationAutomatic: null },
      'ok',
    ],
    ['ends transactions sooner', { maxTransactionMs: 14_999 }, 'fail'],
    ['wants longer sessions', { minSessionMs: 30_001 }, 'fail'],
    ['wants shorter sessions', { maxSessionMs: 29_999 }, 'fail'],
    ['makes topics by itself', { isTopicCreationAutomatic: true }, 'warn'],
  ])('%s', (_, changes, status) => {
    expect(statuses(judgeBroker({ ...broker, ...changes }, settings))).toEqual([status])
  })
})

describe('transactions', () => {
  it('that hang fail with their places', () => {
    expect(statuses(judgeTransactions([], 75_000))).toEqual(['ok'])
    expect(judgeTransactions([{ topic: 't', partition: 3, offset: 17 }], 75_000)).toMatchObject([
      { status: 'fail', what: expect.stringContaining('t/3 from 17') },
    ])
  })
})
