/** What each check of an audit does not take for a fault, and where that ends: retention, work in hand, ranges, bodies that are not kept. */
import { describe, expect, it } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { Cost } from '../../../src/contract/types.ts'
import { deadLetterRecord } from '../../../src/events/dead-letter.ts'
import { retryRecord } from '../../../src/events/retry-record.ts'
import type { FindingKind } from '../../../src/replay/finding-kinds.ts'
import { type AuditOfOptions, auditOf, findingCounts } from '../../support/audit-of.ts'
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
const hourMs = 3_600_000

const partitions = [0, 1, 2]
const allOf = (offset: number) => new Map(partitions.map((partition) => [partition, offset]))

/** A request that no worker has answered: the n-th of those that a world does not have. */
function unanswered(world: ReplayWorld, index = 90, timestamp = worldStartMs) {
  const value = worldEncoders.ModelRequest(worldRequest(index))
  return append(world, requests, { value, timestamp })
}

/** Lets workers have finished all but the records from this one on. */
function unfinishedFrom(world: ReplayWorld, { partition, offset }: { partition: number; offset: number }): void {
  world.finished = new Map([[requests, new Map(partitions.map((each) => [each, each === partition ? offset : 99]))]])
}

/** Takes the first request's terminal record away and leaves it to the ledger. */
function inLedger(world: ReplayWorld, state: string, updatedAt: number): void {
  takeOut(world, completions, 0)
  world.log.splice(0, 1)
  Object.assign(world.ledger[0] ?? {}, { state, updatedAt })
}

/** Publishes a retry of a record. */
function retryOf(world: ReplayWorld, source: ReturnType<typeof unanswered>, notBefore: number) {
  const { requestId, tenant } = worldRequest(90)
  const planned = { tenant, requestId, retry: 1, notBefore, attempts: [] }
  const record = retryRecord(source, { origin: source, timestamp: source.timestamp }, planned, '')
  return append(world, record.topic, { ...record, partition: source.partition, timestamp: source.timestamp })
}

/** Publishes the dead letter of a record. */
function deadLetterOf(world: ReplayWorld, source: ReturnType<typeof unanswered>): void {
  const { value, headers } = deadLetterRecord(source, { code: 'DECODE_FAILED', message: 'as asked for' }, '')
  append(world, deadLetters, { value, headers, timestamp: source.timestamp })
}

/** Lets retention have taken what lies before the last record of each partition, or all of it. */
function retained(world: ReplayWorld, topic: string, from = 99_999): void {
  world.firstOffsets.set(topic, allOf(from))
  const kept = recordsOf(world, topic).filter(({ offset }) => offset >= from)
  world.records.set(topic, kept)
}

const repeated = (world: ReplayWorld, text: string) =>
  append(world, requests, { value: worldEncoders.ModelRequest(worldRequest(0, text)), timestamp: worldStartMs })

type Case = [string, (world: ReplayWorld) => void, Partial<Record<FindingKind, number>>, AuditOfOptions?]

/** What is done to a world of 40, and exactly what an audit finds then. */
const cases: Record<string, Case[]> = {
  'a request in hand': [
    ...['CLAIMED', 'SETTLED', 'RETRYING'].flatMap((state): Case[] => [
      [`that the ledger calls ${state}`, (w) => inLedger(w, state, worldNowMs - 60_000), {}],
      [
        `that the ledger has called ${state} for hours`,
        (w) => inLedger(w, state, worldNowMs - 2 * hourMs),
        { stuck: 1 },
      ],
    ]),
    ['that no worker has come to', (w) => unfinishedFrom(w, unanswered(w)), {}],
    [
      'of which the first record is finished, and only the second is not: it should have had its answer',
      (w) => {
        unanswered(w)
        unfinishedFrom(w, unanswered(w))
      },
      { missing: 1 },
    ],
    ['that waits in a retry topic', (w) => retryOf(w, unanswered(w), worldNowMs + 1_000), {}, { hasAccounts: false }],
    [
      'whose retry was due hours ago',
      (w) => retryOf(w, unanswered(w), worldNowMs - 2 * hourMs),
      { missing: 1 },
      { hasAccounts: false },
    ],
  ],
  'a record that is no request': [
    [
      'older than the dead letters that are kept',
      (w) => {
        append(w, requests, { value: Buffer.from('no Avro'), timestamp: worldStartMs })
        retained(w, deadLetters)
      },
      {},
    ],
    [
      'that no worker has come to',
      (w) => unfinishedFrom(w, append(w, requests, { value: Buffer.from('no Avro') })),
      {},
    ],
    ['in the dead letter topic', (w) => deadLetterOf(w, append(w, requests, { value: Buffer.from('no Avro') })), {}],
  ],
  'an id used again': [
    [
      'before the dead letters that are kept',
      (w) => {
        repeated(w, 'Another?')
        retained(w, deadLetters)
      },
      {},
    ],
    ['by a record that no worker has come to', (w) => unfinishedFrom(w, repeated(w, 'Another?')), {}],
    [
      'by a terminal record whose payload hash is of another version',
      (w) => {
        repeated(w, 'Another?')
        rewriteCompletion(w, 0, () => ({ payloadHash: 'v0:abc' }))
      },
      { 'answer-altered': 1 },
    ],
    [
      'without any terminal record',
      (w) => {
        const first = unanswered(w)
        const second = append(w, requests, { value: worldEncoders.ModelRequest(worldRequest(90, 'Another?')) })
        unfinishedFrom(w, first)
        expect(second.offset).toBe(first.offset + 1)
      },
      {},
    ],
    [
      'of which the altered record is the one that was answered: that is another finding',
      (w) => {
        Object.assign(recordsOf(w, requests)[0] ?? {}, {
          value: worldEncoders.ModelRequest(worldRequest(0, 'Another?')),
        })
      },
      { 'request-altered': 1 },
    ],
  ],
  'a rejected request': [
    ['older than the dead letters that are kept', (w) => retained(w, deadLetters), {}],
    [
      'of a topic that is not read',
      (w) => {
        takeOut(w, deadLetters, 0)
        rewriteCompletion(w, 5, ({ source }) => ({ source: source && { ...source, topic: 'elsewhere' } }))
      },
      { 'answer-altered': 1, 'log-differs': 1 },
    ],
    [
      'whose dead letter is that of its retry',
      (w) => {
        const letter = takeOut(w, deadLetters, 0)
        const source = recordsOf(w, requests)[5]
        if (source === undefined) throw new Error('there is a request')
        const { requestId, tenant } = worldRequest(5)
        const planned = { tenant, requestId, retry: 1, notBefore: 0, attempts: [] }
        const record = retryRecord(source, { origin: source, timestamp: source.timestamp }, planned, '')
        deadLetterOf(w, append(w, record.topic, { ...record, timestamp: letter.timestamp }))
      },
      {},
    ],
  ],
  'an event': [
    [
      'older than the terminal records that are kept',
      (w) => {
        retained(w, completions)
        w.log.splice(0)
      },
      {},
    ],
    ['of a request in hand', (w) => inLedger(w, 'RETRYING', worldNowMs - 60_000), {}],
  ],
  'an answer': [
    [
      'that was left out for its size',
      (w) => {
        rewriteCompletion(w, 0, ({ chat }) => ({ chat: chat && { ...chat, text: '' }, storedBody: 'request_log' }))
      },
      {},
    ],
    [
      'of which neither body nor hash is kept',
      (w) => {
        rewriteCompletion(w, 0, ({ chat }) => ({ chat: chat && { ...chat, text: 'Another.' } }))
        Object.assign(w.log[0] ?? {}, { completionBody: null })
      },
      {},
    ],
  ],
  'the bytes of a request': [
    ['that are not kept', (w) => Object.assign(w.log[0] ?? {}, { requestBody: null }), {}],
    [
      'whose content is another one, too: found once',
      (w) => {
        Object.assign(recordsOf(w, requests)[0] ?? {}, {
          value: worldEncoders.ModelRequest(worldRequest(0, 'Another?')),
        })
        Object.assign(w.log[0] ?? {}, { requestBody: Buffer.alloc(32) })
      },
      { 'request-altered': 1 },
    ],
  ],
  'a payload hash': [
    [
      'of another version, which is made by other rules',
      (w) => {
        rewriteCompletion(w, 0, () => ({ payloadHash: 'v0:abc' }))
        Object.assign(w.log[0] ?? {}, { completionBody: null })
      },
      {},
    ],
  ],
  'a row of the log without a terminal record': [
    ['older than the terminal records that are kept', (w) => retained(w, completions), {}],
    [
      'that the ledger has not: settled an hour ago',
      (w) => {
        w.ledger.splice(0, 1)
        takeOut(w, completions, 0)
        Object.assign(w.log[0] ?? {}, { finishedAt: worldNowMs - hourMs - 1 })
      },
      { missing: 1, 'log-unpublished': 1 },
    ],
    [
      'that the ledger has not: just settled',
      (w) => {
        w.ledger.splice(0, 1)
        takeOut(w, completions, 0)
        Object.assign(w.log[0] ?? {}, { finishedAt: worldNowMs - 60_000 })
        unfinishedFrom(w, { partition: 0, offset: 0 })
      },
      {},
    ],
    [
      'settled and not published yet',
      (w) => {
        takeOut(w, completions, 0)
        Object.assign(w.ledger[0] ?? {}, { state: 'SETTLED', updatedAt: worldNowMs - 60_000 })
      },
      {},
    ],
  ],
  'the ledger': [
    [
      'that has a published request as settled: the mark comes after the record',
      (w) => {
        Object.assign(w.ledger[0] ?? {}, { state: 'SETTLED' })
      },
      {},
    ],
    [
      'that says another status',
      (w) => Object.assign(w.ledger[0] ?? {}, { status: 'FAILED' }),
      { 'ledger-differs': 1 },
    ],
    [
      'without a row of a request that has left its topic',
      (w) => {
        takeOut(w, requests, 0)
        w.ledger.splice(0, 1)
      },
      { 'ledger-missing': 1 },
    ],
  ],
  'a cost': [
    [
      'in another currency than its attempts',
      (w) => {
        rewriteCompletion(w, 0, ({ cost }) => ({ cost: { ...cost, currency: 'EUR' } }))
      },
      { 'cost-sum': 1, 'event-differs': 1, 'answer-altered': 1, 'log-differs': 1 },
    ],
    ...(
      [
        ['that is unknown, with a price', { amount: null, unknownReason: 'USAGE_UNKNOWN' }],
        ['that is known, with a reason why it is not', { unknownReason: 'USAGE_UNKNOWN' }],
        ['without the source of its price', { priceSource: null, priceCardVersion: null }],
        ['of a card younger than the plan', { priceCardVersion: 'registry@5' }],
        ['of the list, without its version', { priceSource: 'genai-prices', priceCardVersion: 'none' }],
        ['of a source that nobody knows', { priceSource: 'a friend' }],
      ] satisfies [string, Partial<Cost>][]
    ).map(
      ([name, change]): Case => [
        `${name}, in an attempt and in all`,
        (w) => {
          const changed = (cost: Cost): Cost => ({ ...cost, ...change })
          rewriteCompletion(w, 0, ({ cost, attempts }) => ({
            cost: changed(cost),
            attempts: attempts.map((attempt) => ({ ...attempt, cost: changed(attempt.cost) })),
          }))
          for (const index of [0, 1]) rewriteEvent(w, index, ({ cost }) => ({ cost: changed(cost) }))
          // Everything else agrees with it, so that it is the card alone that is found.
          const logged = w.log[0]
          if (logged === undefined) throw new Error('there is a row')
          Object.assign(logged, {
            cost: 'amount' in change ? null : logged.cost,
            logged: { ...logged.logged, cost: { ...logged.logged.cost, ...change } },
            completionBody: null,
          })
        },
        { 'price-card': 2 },
      ],
    ),
    [
      'of an attempt under a card without a version, and not in all',
      (w) => {
        rewriteCompletion(w, 0, ({ attempts }) => ({
          attempts: attempts.map((attempt) => ({
            ...attempt,
            cost: { ...attempt.cost, priceCardVersion: 'registry' },
          })),
        }))
      },
      { 'price-card': 1, 'event-differs': 1, 'answer-altered': 1 },
    ],
  ],
  'an attempt': [
    [
      'of number 0',
      (w) => {
        rewriteCompletion(w, 0, ({ attempts }) => ({
          attempts: attempts.map((attempt) => ({ ...attempt, number: 0 })),
        }))
        rewriteEvent(w, 0, () => ({ attempt: 0 }))
      },
      { 'attempt-number': 1, 'answer-altered': 1 },
    ],
    [
      'with another outcome than its event',
      (w) => {
        rewriteCompletion(w, 0, ({ attempts }) => ({
          attempts: attempts.map((made) => ({ ...made, outcome: 'UNKNOWN' })),
        }))
      },
      { 'event-differs': 1, 'answer-altered': 1 },
    ],
    [
      'with another usage than its event',
      (w) => {
        rewriteCompletion(w, 0, ({ attempts }) => ({
          attempts: attempts.map((made) => ({ ...made, usage: made.usage && { ...made.usage, outputTokens: 11 } })),
        }))
      },
      { 'event-differs': 1, 'answer-altered': 1 },
    ],
  ],
  'a performance event': [
    [
      'with a reason of its routing as long as an answer',
      (w) => {
        const routing = { route: 'r', strategy: 'WEIGHTED' as const, reasons: ['x'.repeat(3_000)] }
        rewriteEvent(w, 0, () => ({ routing: completeDraft('PerformanceEvent', { routing }).routing }))
      },
      { 'event-content': 1 },
    ],
  ],
  'a row of the log': [
    [
      'that names another place of the request',
      (w) => {
        const logged = w.log[0]?.logged
        Object.assign(logged ?? {}, { source: { topic: requests, partition: 0, offset: 7 } })
      },
      { 'log-differs': 1 },
    ],
  ],
}

describe.each(Object.entries(cases))('%s', (_, ofIt) => {
  it.each(ofIt)('%s', async (_name, change, expected, options) => {
    const world = makeWorld(40)
    change(world)
    expect(findingCounts(await auditOf(world, options))).toEqual(expected)
  })
})

describe('a topic of one tenant', () => {
  it('has requests of that tenant, whatever they and their retries say', async () => {
    const world = makeWorld(10)
    world.topics = { ...world.topics, requests: [{ name: requests, order: 'none', tenant: 'initech' }] }
    for (const index of recordsOf(world, completions).keys())
      rewriteCompletion(world, index, () => ({ tenant: 'initech' }))
    for (const index of recordsOf(world, performance).keys()) rewriteEvent(world, index, () => ({ tenant: 'initech' }))
    const source = unanswered(world)
    retryOf(world, source, worldNowMs + 1_000)
    const report = await auditOf(world, { hasAccounts: false })
    expect(findingCounts(report)).toEqual({})
    expect(report.counts).toMatchObject({ requests: 11, inHand: 1 })
  })
})

describe('a range', () => {
  it('leaves rows and dead letters of other requests out', async () => {
    const world = makeWorld(40)
    takeOut(world, completions, 39)
    deadLetterOf(world, recordsOf(world, requests)[1] ?? unanswered(world))
    Object.assign(recordsOf(world, deadLetters).at(-1) ?? {}, { value: Buffer.from('x') })
    const report = await auditOf(world, { offsets: [5, 10] })
    expect(findingCounts(report)).toEqual({})
    expect(report.counts).toMatchObject({
      requests: 15,
      logRows: 15,
      ledgerRows: 15,
      attempts: 14,
      events: 29,
      deadLetters: 2,
    })
  })

  it('expects no rows of a request whose first record lies before it', async () => {
    const world = makeWorld(40)
    const { offset } = append(world, requests, {
      value: recordsOf(world, requests)[0]?.value ?? null,
      timestamp: worldStartMs,
    })
    world.log.splice(0, 1)
    world.ledger.splice(0, 1)
    const report = await auditOf(world, { offsets: [offset, offset + 1] })
    expect(findingCounts(report)).toEqual({})
    expect(report.counts).toMatchObject({ requests: 1, terminalRecords: 1 })
  })
})

it('tells requests apart whose tenants and ids run into one another', async () => {
  const world = makeWorld(0)
  for (const [tenant, requestId] of [
    ['ab', 'c'],
    ['a', 'bc'],
  ] as const) {
    append(world, requests, { value: worldEncoders.ModelRequest({ ...worldRequest(0), tenant, requestId }) })
  }
  expect((await auditOf(world, { hasAccounts: false })).counts.requests).toBe(2)
})
