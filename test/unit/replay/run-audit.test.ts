import { describe, expect, it } from 'vitest'
import type { FindingKind } from '../../../src/replay/finding-kinds.ts'
import { findingKinds } from '../../../src/replay/finding-kinds.ts'
import { auditOf, findingCounts } from '../../support/audit-of.ts'
import {
  append,
  makeWorld,
  type ReplayWorld,
  recordsOf,
  rewriteCompletion,
  rewriteEvent,
  takeOut,
  worldEncoders,
  worldNowMs,
  worldRequest,
  worldStartMs,
} from '../../support/replay-world.ts'

const requests = 'model.requests'
const completions = 'model.completions'
const performance = 'model.performance'
const deadLetters = 'model.requests.dlt'

/** In a world of 40: 3, 10, 17… fail after two attempts, 5, 16, 27 are rejected, 6, 19, 32 expire. */
const world = () => makeWorld(40)
const deadLetterHeaders = (source: { partition: number; offset: number }) => ({
  'dlt-reason': 'DUPLICATE_REQUEST_ID',
  'dlt-source-topic': requests,
  'dlt-source-partition': String(source.partition),
  'dlt-source-offset': String(source.offset),
})

describe('a world in which all is accounted for', () => {
  it('is clean, with its figures', async () => {
    const report = await auditOf(world())
    expect(report.findings).toEqual([])
    expect(report).toMatchObject({
      clean: true,
      counts: {
        requests: 40,
        requestRecords: 40,
        terminalRecords: 40,
        attempts: 40,
        events: 80,
        deadLetters: 3,
        inHand: 0,
        withoutRequest: 0,
        logRows: 40,
        ledgerRows: 40,
      },
      byStatus: [
        { status: 'COMPLETED', count: 28 },
        { status: 'FAILED', count: 6 },
        { status: 'EXPIRED', count: 3 },
        { status: 'REJECTED', count: 3 },
      ],
      requestsOver: { unit: 'hour', spans: [{ from: '2026-05-31T08:00:00Z', count: 40 }], elsewhereCount: 0 },
      notChecked: [],
    })
  })

  it('adds costs up exactly', async () => {
    const { costByModel } = await auditOf(world())
    // Requests of index i cost (i + 1) · 10⁻¹², those without a call have no cost.
    const called = Array.from({ length: 40 }, (_, index) => index).filter(
      (i) => i % 7 === 3 || (i % 11 !== 5 && i % 13 !== 6),
    )
    const sum = called.reduce((total, index) => total + index + 1, 0)
    expect(costByModel).toEqual([
      {
        model: 'house-model',
        currency: 'USD',
        requestCount: 40,
        amount: `0.${String(sum).padStart(12, '0')}`.replace(/0+$/, ''),
        unknownCount: 6,
      },
    ])
  })

  it('is clean when people have judged answers, once or twice', async () => {
    const judged = world()
    const [request] = recordsOf(judged, performance)
    for (const _ of [1, 2]) {
      append(judged, performance, { ...request, value: request?.value ?? null })
      rewriteEvent(judged, recordsOf(judged, performance).length - 1, () => ({ kind: 'FEEDBACK', score: 0.8 }))
    }
    expect((await auditOf(judged)).findings).toEqual([])
  })

  it('is clean without the database, and says what that leaves open', async () => {
    const report = await auditOf(world(), { hasAccounts: false })
    expect(report.clean).toBe(true)
    expect(report.counts).toMatchObject({ logRows: null, ledgerRows: null })
    expect(report.notChecked).toEqual([expect.objectContaining({ why: 'as asked for', count: null })])
  })

  it('is nothing at all, and clean', async () => {
    const report = await auditOf(makeWorld(0))
    expect(report).toMatchObject({
      clean: true,
      counts: { requests: 0, terminalRecords: 0 },
      byStatus: [],
      costByModel: [],
    })
  })
})

/** What is done to the world, and exactly what an audit then finds. */
const faults: [string, (world: ReplayWorld) => void, Partial<Record<FindingKind, number>>][] = [
  ['a gap', (w) => takeOut(w, completions, 0), { missing: 1, 'log-unpublished': 1 }],
  [
    'a terminal record twice',
    (w) =>
      append(w, completions, { ...recordsOf(w, completions)[4], value: recordsOf(w, completions)[4]?.value ?? null }),
    { doubled: 1 },
  ],
  [
    'a changed cost',
    (w) => rewriteCompletion(w, 0, ({ cost }) => ({ cost: { ...cost, amount: '0.5' } })),
    { 'cost-sum': 1, 'event-cost': 1, 'log-cost': 1, 'answer-altered': 1 },
  ],
  [
    'a cost changed in its last digit, in the attempt and in the total',
    (w) =>
      rewriteCompletion(w, 0, ({ cost, attempts }) => ({
        cost: { ...cost, amount: '0.000000000002' },
        attempts: attempts.map((attempt) => ({ ...attempt, cost: { ...attempt.cost, amount: '0.000000000002' } })),
      })),
    { 'event-cost': 2, 'log-cost': 1, 'answer-altered': 1 },
  ],
  [
    'a changed report of the provider',
    (w) => rewriteCompletion(w, 0, ({ cost }) => ({ cost: { ...cost, reportedUsd: '0.5' } })),
    { 'cost-sum': 1, 'event-differs': 1, 'answer-altered': 1 },
  ],
  [
    'a cost that became unknown',
    (w) => rewriteEvent(w, 0, ({ cost }) => ({ cost: { ...cost, amount: null } })),
    { 'event-cost': 1 },
  ],
  [
    'a changed answer',
    (w) => rewriteCompletion(w, 0, ({ chat }) => ({ chat: chat && { ...chat, text: 'Another.' } })),
    { 'answer-altered': 1 },
  ],
  [
    'a changed status',
    (w) => rewriteCompletion(w, 0, () => ({ status: 'FAILED' })),
    { 'answer-altered': 1, 'event-differs': 1, 'log-differs': 1, 'ledger-differs': 1 },
  ],
  ['a lost event of an attempt', (w) => takeOut(w, performance, 0), { 'event-missing': 1 }],
  ['a lost event of a request', (w) => takeOut(w, performance, 1), { 'event-missing': 1 }],
  [
    'an attempt that the terminal record does not know',
    (w) => rewriteCompletion(w, 3, ({ attempts }) => ({ attempts: attempts.slice(0, 1) })),
    { 'event-unknown': 1, 'event-differs': 1, 'answer-altered': 1, 'log-differs': 1 },
  ],
  [
    'an event twice',
    (w) =>
      append(w, performance, { ...recordsOf(w, performance)[0], value: recordsOf(w, performance)[0]?.value ?? null }),
    { 'event-doubled': 1 },
  ],
  [
    'an event with another duration',
    (w) => rewriteEvent(w, 0, ({ durationMs }) => ({ durationMs: durationMs + 1 })),
    { 'event-differs': 1 },
  ],
  ['an event with a text in it', (w) => rewriteEvent(w, 0, () => ({ model: 'x'.repeat(600) })), { 'event-content': 1 }],
  [
    'an event with a header that is not ours',
    (w) => Object.assign(recordsOf(w, performance)[0] ?? {}, { headers: { prompt: 'What is the answer?' } }),
    { 'event-content': 1 },
  ],
  [
    'a request with another content',
    (w) =>
      Object.assign(recordsOf(w, requests)[0] ?? {}, {
        value: worldEncoders.ModelRequest(worldRequest(0, 'Another?')),
      }),
    { 'request-altered': 1 },
  ],
  [
    'a request that became another one',
    (w) => Object.assign(recordsOf(w, requests)[0] ?? {}, { value: worldEncoders.ModelRequest(worldRequest(777)) }),
    { 'request-altered': 1, missing: 1 },
  ],
  [
    'a request whose bytes changed and whose content did not',
    (w) => Object.assign(w.log[0] ?? {}, { requestBody: Buffer.alloc(32) }),
    { 'request-altered': 1 },
  ],
  [
    'a record that cannot be read',
    (w) => append(w, requests, { value: Buffer.from('no Avro at all') }),
    { 'record-lost': 1 },
  ],
  ['a record without a value', (w) => append(w, requests, { value: null }), { 'record-lost': 1 }],
  [
    'an id that is none',
    (w) => append(w, requests, { value: worldEncoders.ModelRequest({ ...worldRequest(0), requestId: 'white space' }) }),
    { 'record-lost': 1 },
  ],
  [
    'an id used again for something else',
    (w) => append(w, requests, { value: worldEncoders.ModelRequest(worldRequest(0, 'Another?')) }),
    { 'duplicate-served': 1 },
  ],
  [
    'a dead letter of other bytes',
    (w) => Object.assign(recordsOf(w, deadLetters)[0] ?? {}, { value: Buffer.from('x') }),
    { 'dead-letter-altered': 1 },
  ],
  ['a rejected request without a dead letter', (w) => takeOut(w, deadLetters, 0), { 'rejected-unseen': 1 }],
  [
    'a terminal record that cannot be read',
    (w) => Object.assign(recordsOf(w, completions)[0] ?? {}, { value: Buffer.from([0, 0, 0, 0, 9, 1]) }),
    { 'record-unreadable': 1, missing: 1, 'log-unpublished': 1 },
  ],
  [
    'an event that cannot be read',
    (w) => Object.assign(recordsOf(w, performance)[0] ?? {}, { value: Buffer.from([0, 0]) }),
    { 'record-unreadable': 1, 'event-missing': 1 },
  ],
  [
    'an attempt number used twice',
    (w) => rewriteCompletion(w, 3, ({ attempts }) => ({ attempts: [...attempts, ...attempts.slice(1)] })),
    { 'attempt-number': 1, 'event-differs': 1, 'answer-altered': 1, 'log-differs': 1 },
  ],
  [
    'a price without its card',
    (w) => rewriteCompletion(w, 0, ({ cost }) => ({ cost: { ...cost, priceCardVersion: null } })),
    { 'price-card': 1, 'event-differs': 1, 'answer-altered': 1, 'log-differs': 1 },
  ],
  ['a row of the log that is gone', (w) => w.log.splice(0, 1), { 'log-missing': 1 }],
  ['a row of the log with another cost', (w) => Object.assign(w.log[0] ?? {}, { cost: '1' }), { 'log-cost': 1 }],
  [
    'a row of the log of another time',
    (w) => Object.assign(w.log[0] ?? {}, { finishedAt: worldStartMs }),
    { 'log-differs': 1 },
  ],
  ['a row of the ledger that is gone', (w) => w.ledger.splice(0, 1), { 'ledger-missing': 1 }],
  [
    'a ledger with another hash',
    (w) => Object.assign(w.ledger[0] ?? {}, { payloadHash: `v1:${'0'.repeat(64)}` }),
    { 'ledger-differs': 1 },
  ],
  ['a ledger with another token', (w) => Object.assign(w.ledger[0] ?? {}, { token: 2 }), { 'ledger-differs': 1 }],
  [
    'a ledger that still claims',
    (w) => Object.assign(w.ledger[0] ?? {}, { state: 'CLAIMED' }),
    { 'ledger-differs': 1 },
  ],
  [
    'a registry version that there never was',
    (w) => rewriteCompletion(w, 5, () => ({ registryVersion: 5 })),
    { 'registry-version': 1, 'event-differs': 1, 'answer-altered': 1, 'log-differs': 1 },
  ],
  [
    'a request that hangs',
    (w) => {
      takeOut(w, completions, 0)
      w.log.splice(0, 1)
      Object.assign(w.ledger[0] ?? {}, { state: 'CLAIMED', updatedAt: worldNowMs - 2 * 3_600_000 })
    },
    { stuck: 1 },
  ],
]

describe('what an audit finds', () => {
  it.each(faults)('%s', async (_, plant, expected) => {
    const planted = world()
    plant(planted)
    const report = await auditOf(planted)
    expect(findingCounts(report)).toEqual(expected)
    expect(report.clean).toBe(false)
  })

  it('has a planted fault for each kind', () => {
    const found = new Set(faults.flatMap(([, , expected]) => Object.keys(expected)))
    expect([...found].sort()).toEqual(Object.keys(findingKinds).sort())
  })

  it('says whose it is, where it lies and what was found', async () => {
    const planted = world()
    rewriteCompletion(planted, 1, ({ cost }) => ({ cost: { ...cost, amount: '0.5' } }))
    const report = await auditOf(planted)
    expect(report.findings[0]).toEqual({
      kind: 'cost-sum',
      title: findingKinds['cost-sum'],
      count: 1,
      examples: [
        {
          tenant: 'globex',
          requestId: 'request-000001',
          place: { topic: completions, partition: 1, offset: 0 },
          detail: 'says 0.5 USD, its 1 attempts add up to 0.000000000002 USD',
        },
      ],
    })
  })

  it('counts all and lists as many as asked for, by tenant and id', async () => {
    const planted = world()
    recordsOf(planted, performance).splice(0)
    const report = await auditOf(planted, { exampleCount: 2 })
    const [group] = report.findings
    expect(group).toMatchObject({ kind: 'event-missing', count: 80 })
    expect(group?.examples.map(({ requestId }) => requestId)).toEqual(['request-000000', 'request-000000'])
  })
})

describe('what is no fault', () => {
  it.each<[string, (world: ReplayWorld) => void, object]>([
    [
      'a request sent twice',
      (w) => append(w, requests, { value: recordsOf(w, requests)[0]?.value ?? null }),
      { requests: 40, requestRecords: 41 },
    ],
    [
      'a judgement of a request, which measures no call',
      (w) => {
        const { tenant, requestId } = worldRequest(0)
        const value = worldEncoders.PerformanceEvent({ kind: 'FEEDBACK', tenant, requestId })
        append(w, performance, { value })
      },
      { events: 80 },
    ],
    [
      'a dead letter that came twice',
      (w) =>
        append(w, deadLetters, { ...recordsOf(w, deadLetters)[0], value: recordsOf(w, deadLetters)[0]?.value ?? null }),
      { deadLetters: 4 },
    ],
    [
      'an id used again, and refused for it',
      (w) => {
        const value = worldEncoders.ModelRequest(worldRequest(0, 'Another?'))
        append(w, deadLetters, { value, headers: deadLetterHeaders(append(w, requests, { value })) })
      },
      { deadLetters: 4 },
    ],
    [
      'a record that cannot be read, in the dead letter topic, without its bytes',
      (w) => {
        const source = append(w, requests, { value: Buffer.from('no Avro at all') })
        append(w, deadLetters, { value: null, headers: { ...deadLetterHeaders(source), 'dlt-omitted-bytes': '14' } })
      },
      { unreadableRequestRecords: 1 },
    ],
    [
      'a note that a dead letter was sent again',
      (w) => append(w, deadLetters, { value: null, headers: { 'dlt-replay-of': 'model.requests.dlt/0/0' } }),
      { deadLetters: 3 },
    ],
    [
      'requests that have left their topic',
      (w) => recordsOf(w, requests).splice(0, 10),
      { requests: 30, terminalRecords: 40, withoutRequest: 10 },
    ],
    [
      'a request that the ledger has in hand',
      (w) => {
        takeOut(w, completions, 0)
        w.log.splice(0, 1)
        Object.assign(w.ledger[0] ?? {}, { state: 'RETRYING', updatedAt: worldNowMs - 60_000 })
      },
      { inHand: 1 },
    ],
    [
      'a request that no worker has come to',
      (w) => {
        const { partition, offset } = append(w, requests, { value: worldEncoders.ModelRequest(worldRequest(99)) })
        w.finished = new Map([
          [
            requests,
            new Map([
              [partition, offset],
              [1, 99],
              [2, 99],
            ]),
          ],
        ])
      },
      { inHand: 1, requests: 41 },
    ],
    [
      'one published after the look',
      (w) => {
        takeOut(w, completions, 0)
        Object.assign(w.ledger[0] ?? {}, { updatedAt: worldNowMs + 1 })
      },
      { inHand: 1 },
    ],
    [
      'rows older than they are kept',
      (w) => {
        // The world lies 40 days back.
        for (const record of [...w.records.values()].flat()) record.timestamp -= 40 * 86_400_000
        const count = recordsOf(w, completions).length
        for (let index = 0; index < count; index += 1) {
          rewriteCompletion(w, index, ({ timings }) => ({
            timings: { ...timings, finishedAt: (timings.finishedAt ?? 0) - 40 * 86_400_000 },
          }))
        }
        w.log.splice(0)
        w.ledger.splice(0)
      },
      { logRows: 0, ledgerRows: 0 },
    ],
    [
      'events and dead letters that retention took',
      (w) => {
        w.firstOffsets.set(
          performance,
          new Map([
            [0, 99_999],
            [1, 99_999],
            [2, 99_999],
          ]),
        )
        w.firstOffsets.set(
          deadLetters,
          new Map([
            [0, 99_999],
            [1, 99_999],
            [2, 99_999],
          ]),
        )
        recordsOf(w, performance).splice(0)
        recordsOf(w, deadLetters).splice(0)
      },
      { events: 0, deadLetters: 0 },
    ],
    [
      'terminal records that retention took',
      (w) => {
        const kept = new Map([
          [0, 5],
          [1, 5],
          [2, 5],
        ])
        w.firstOffsets.set(completions, kept)
        const gone = recordsOf(w, completions).filter(({ partition, offset }) => offset < (kept.get(partition) ?? 0))
        w.records.set(
          completions,
          recordsOf(w, completions).filter((record) => !gone.includes(record)),
        )
      },
      // One of the fifteen was rejected, and its dead letter is still there.
      { terminalRecords: 25, expired: 14 },
    ],
  ])('%s', async (_, change, counts) => {
    const changed = world()
    change(changed)
    const report = await auditOf(changed)
    expect(findingCounts(report)).toEqual({})
    expect(report.counts).toMatchObject(counts)
  })
})

describe('a range', () => {
  it('audits its requests alone, with all that became of them', async () => {
    const planted = world()
    takeOut(planted, completions, 0)
    const later = await auditOf(planted, { offsets: [5, 10] })
    expect(findingCounts(later)).toEqual({})
    expect(later.counts).toMatchObject({ requests: 15, terminalRecords: 15, withoutRequest: 0 })
    const first = await auditOf(planted, { offsets: [0, 5] })
    expect(findingCounts(first)).toEqual({ missing: 1, 'log-unpublished': 1 })
  })

  it('takes a repeated send whose first record lies before it for answered, by the word of the ledger', async () => {
    const repeated = world()
    const { offset } = append(repeated, requests, {
      value: recordsOf(repeated, requests)[0]?.value ?? null,
      timestamp: worldNowMs - 1,
    })
    const report = await auditOf(repeated, { offsets: [offset, offset + 1] })
    expect(findingCounts(report)).toEqual({})
    expect(report.counts).toMatchObject({ requests: 1, answeredBefore: 1 })
  })

  it('leaves faults of other requests to other audits', async () => {
    const planted = world()
    rewriteCompletion(planted, 0, ({ cost }) => ({ cost: { ...cost, amount: '0.5' } }))
    rewriteEvent(planted, 0, () => ({ model: 'x'.repeat(600) }))
    expect(findingCounts(await auditOf(planted, { offsets: [5, 14] }))).toEqual({})
  })
})
