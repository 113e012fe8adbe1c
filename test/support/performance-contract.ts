/** What every store of performance must do, as one suite: run it on each with `describePerformanceStore`. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PerformanceEventDraft } from '../../src/contract/types.ts'
import type { RequestLogRow } from '../../src/model-service/ports/outcome.ts'
import type { Feedback, PerformanceQuery, PerformanceStore } from '../../src/model-service/ports/performance-store.ts'
import { logRow } from './log-row.ts'

/** A store, and what goes into it. */
export interface PerformanceFixture {
  store: PerformanceStore
  /** Lets requests end with these rows. */
  end(rows: readonly RequestLogRow[]): Promise<void>
  /** Events of feedback so far, in order. */
  announced(): Promise<PerformanceEventDraft[]>
  close(): Promise<void>
}

/** A judgement of request r-1. */
export function feedback(changes: Partial<Feedback> = {}): Feedback {
  return {
    tenant: 'default',
    requestId: 'r-1',
    commandId: 'c-1',
    digest: 'digest of c-1',
    actor: 'ada',
    score: 0.5,
    correction: null,
    comment: null,
    occurredAt: Date.parse('2026-11-25T08:00:00Z'),
    ...changes,
  }
}

const day = (text: string) => ({
  startedAt: Date.parse(`${text}T10:00:00Z`),
  finishedAt: Date.parse(`${text}T10:00:01Z`),
})
const cost = (amount: string | null, currency = 'USD') => ({ ...logRow().cost, amount, currency })

/** The suite. `make` gives an empty store for each test. */
export function describePerformanceStore(name: string, make: () => Promise<PerformanceFixture>): void {
  describe(`${name} keeps the contract of performance`, () => {
    let fixture: PerformanceFixture
    beforeEach(async () => {
      fixture = await make()
    })
    afterEach(() => fixture.close())

    const read = async (query: Partial<PerformanceQuery> = {}) => {
      const rows = await fixture.store.sums({ byDay: false, ...query })
      return rows.sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1))
    }
    const judge = (changes: Partial<Feedback>, commandId = `c-${JSON.stringify(changes)}`) =>
      fixture.store.recordFeedback(feedback({ commandId, digest: `digest of ${commandId}`, ...changes }))

    test('adds what requests say, to the last digit', async () => {
      await fixture.end([
        logRow({ requestId: 'a', cost: cost('12345678901234567890.000000000001') }),
        logRow({ requestId: 'b', cost: cost('0.000000000001'), durationMs: 250, confidence: 1 / 3 }),
        logRow({ requestId: 'c', cost: cost(null), confidence: null }),
        logRow({ requestId: 'd', status: 'FAILED', errorCode: 'PROVIDER_ERROR', confidence: null }),
        logRow({ requestId: 'e', status: 'CANCELLED', errorCode: 'CANCELLED' }),
        logRow({ requestId: 'f', status: 'FAILED', errorCode: 'INVALID_REQUEST' }),
      ])
      expect(await read()).toEqual([
        {
          ...{ model: 'm', taskType: null, day: null, currency: 'USD' },
          ...{ requestCount: 4, successCount: 3, latencySumMs: 450 },
          ...{ costSum: '12345678901234567890.100000000002', pricedCount: 3, qualitySum: 1.233333, qualityWeight: 2 },
        },
      ])
    })

    test('keeps models, task types, days and currencies apart, and reads what is asked for', async () => {
      await fixture.end([
        logRow({ requestId: 'a', ...day('2026-11-23') }),
        logRow({ requestId: 'b', ...day('2026-11-24') }),
        logRow({ requestId: 'c', ...day('2026-11-25'), taskType: 'summary' }),
        logRow({ requestId: 'd', ...day('2026-11-25'), model: 'n', cost: cost('1', 'EUR') }),
      ])
      const counts = async (query: Partial<PerformanceQuery>) =>
        (await read(query)).map(({ model, day, currency, requestCount }) =>
          [model, day, currency, requestCount].join(' '),
        )
      expect(await counts({})).toEqual(['m  USD 3', 'n  EUR 1'])
      expect(await counts({ models: ['n', 'nobody'] })).toEqual(['n  EUR 1'])
      expect(await counts({ models: [] })).toEqual([])
      expect(await counts({ taskType: 'summary' })).toEqual(['m  USD 1'])
      expect(await counts({ taskType: '' })).toEqual(['m  USD 2', 'n  EUR 1'])
      expect(await counts({ from: '2026-11-24', to: '2026-11-24' })).toEqual(['m  USD 1'])
      expect(await counts({ models: ['m'], byDay: true })).toEqual([
        'm 2026-11-23 USD 1',
        'm 2026-11-24 USD 1',
        'm 2026-11-25 USD 1',
      ])
    })

    test('counts the day on which a request ended, in UTC', async () => {
      const finishedAt = Date.parse('2026-11-24T23:59:59.999Z')
      await fixture.end([
        logRow({ requestId: 'late', finishedAt, startedAt: finishedAt - 100 }),
        logRow({ requestId: 'early', finishedAt: finishedAt + 1, startedAt: finishedAt - 100 }),
      ])
      expect((await read({ byDay: true })).map((row) => row.day)).toEqual(['2026-11-24', '2026-11-25'])
    })

    test('takes names that no index could hold', async () => {
      const long = { model: 'm'.repeat(100_000), taskType: '\u{1F600}'.repeat(10_000) }
      await fixture.end([logRow({ ...long, cost: cost('1', 'Ä'.repeat(5_000)) })])
      expect(await read()).toMatchObject([{ model: 'm'.repeat(128), currency: 'Ä'.repeat(16), requestCount: 1 }])
    })

    test('lets a score weigh two answers, on the day of its request', async () => {
      await fixture.end([logRow({ confidence: 0.9 })])
      await judge({ score: 0.3 })
      expect(await read({ byDay: true })).toMatchObject([
        { day: '2026-11-24', requestCount: 1, qualitySum: 1.5, qualityWeight: 3 },
      ])
    })

    test('lets the latest score of an actor replace the earlier one, and counts actors apart', async () => {
      await fixture.end([logRow({ confidence: null })])
      await judge({ score: 0.2 })
      await judge({ score: 1 })
      await judge({ score: 0.4, actor: 'bob' })
      await judge({ score: 0.6, actor: null })
      await judge({ score: 0.5, actor: null })
      expect(await read()).toMatchObject([{ qualitySum: 2 + 0.8 + 1, qualityWeight: 6 }])
    })

    test('keeps the earlier score beside words without one', async () => {
      await fixture.end([logRow({ confidence: null })])
      await judge({ score: 0.2 })
      await judge({ score: null, correction: 'Paris\nnot Lyon', comment: 'x' })
      expect(await read()).toMatchObject([{ qualitySum: 0.4, qualityWeight: 2 }])
    })

    test('carries a command out once', async () => {
      await fixture.end([logRow({ confidence: null })])
      await judge({ score: 0.2 }, 'same')
      await judge({ score: 0.2 }, 'same')
      expect(await read()).toMatchObject([{ qualitySum: 0.4, qualityWeight: 2 }])
      expect(await fixture.announced()).toHaveLength(1)
    })

    test('counts once what the same command brings several times at once', async () => {
      await fixture.end([logRow({ confidence: null })])
      await Promise.all(Array.from({ length: 6 }, () => judge({ score: 0.2 }, 'same')))
      expect(await read()).toMatchObject([{ qualitySum: 0.4, qualityWeight: 2 }])
      expect(await fixture.announced()).toHaveLength(1)
    })

    test('counts one of many scores that an actor gives at once', async () => {
      await fixture.end([logRow({ confidence: null })])
      await Promise.all(Array.from({ length: 8 }, (_, index) => judge({ score: 0.5, comment: `${index}` })))
      expect(await read()).toMatchObject([{ qualitySum: 1, qualityWeight: 2 }])
      expect(await fixture.announced()).toHaveLength(8)
    })

    test('refuses a command id that was used for other words', async () => {
      await fixture.end([logRow(), logRow({ requestId: 'r-2' })])
      await judge({ score: 0.2 }, 'same')
      const again = fixture.store.recordFeedback(feedback({ commandId: 'same', digest: 'another', requestId: 'r-2' }))
      await expect(again).rejects.toMatchObject({ code: 'COMMAND_ID_REUSED' })
      expect(await read()).toMatchObject([{ qualityWeight: 4 }])
    })

    test.each([
      ['an id that nobody knows', { requestId: 'nobody' }, 'REQUEST_NOT_FOUND'],
      ['an id of another tenant', { tenant: 'acme' }, 'REQUEST_NOT_FOUND'],
      ['a request that failed', { requestId: 'failed' }, 'INVALID_REQUEST'],
    ])('refuses %s and keeps nothing of it', async (_, changes, code) => {
      await fixture.end([logRow(), logRow({ requestId: 'failed', status: 'FAILED', errorCode: 'PROVIDER_ERROR' })])
      await expect(judge(changes)).rejects.toMatchObject({ code })
      expect(await read()).toMatchObject([{ requestCount: 2, qualityWeight: 1 }])
      expect(await fixture.announced()).toEqual([])
    })

    test('announces the score and never the words', async () => {
      await fixture.end([logRow({ taskType: 'summary', registryVersion: 7 })])
      await judge({ score: 0.25, correction: 'tell-tale', comment: 'tell-tale' })
      const events = await fixture.announced()
      expect(events).toMatchObject([
        {
          ...{ kind: 'FEEDBACK', tenant: 'default', requestId: 'r-1', model: 'm', provider: 'p', taskType: 'summary' },
          ...{ requestType: 'CHAT', status: 'COMPLETED', score: 0.25, registryVersion: 7 },
          occurredAt: Date.parse('2026-11-25T08:00:00Z'),
        },
      ])
      expect(JSON.stringify(events)).not.toContain('tell-tale')
    })
  })
}
