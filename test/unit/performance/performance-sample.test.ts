import { describe, expect, it } from 'vitest'
import { performanceSamples, qualityOf } from '../../../src/performance/performance-sample.ts'
import { logRow } from '../../support/log-row.ts'

describe('performanceSamples', () => {
  it('counts an answer with its time, cost and confidence, on the day it ended (UTC)', () => {
    const finishedAt = Date.parse('2026-12-31T23:59:59.999Z')
    expect(performanceSamples(logRow({ taskType: 'summary', finishedAt }))).toEqual([
      {
        model: 'm',
        taskType: 'summary',
        day: '2026-12-31',
        currency: 'USD',
        isSuccess: true,
        latencyMs: 100,
        cost: '0.1',
        quality: 0.9,
      },
    ])
  })

  it('counts a failure of the model with its cost, and neither time nor quality', () => {
    const failed = logRow({ status: 'FAILED', errorCode: 'PROVIDER_ERROR' })
    expect(performanceSamples(failed)).toMatchObject([
      { isSuccess: false, latencyMs: null, cost: '0.1', quality: null },
    ])
  })

  const own = { model: 'm', hasAnswered: true, errorCodes: [], cost: logRow().cost }
  const broken = {
    model: 'first',
    hasAnswered: false,
    errorCodes: ['PROVIDER_ERROR'],
    cost: { ...own.cost, amount: '0.02', currency: 'EUR' },
  }

  it('counts a failure for each model whose calls failed before another one answered, with the cost of its own calls', () => {
    const row = logRow({
      calledModels: [broken, { ...broken, model: 'second', errorCodes: ['RATE_LIMITED'] }, own],
      taskType: 'summary',
    })
    expect(
      performanceSamples(row).map(({ model, taskType, isSuccess, latencyMs, cost, currency, quality }) =>
        [model, taskType, isSuccess, latencyMs, cost, currency, quality].join(' '),
      ),
    ).toEqual(['first summary false  0.02 EUR ', 'second summary false  0.02 EUR ', 'm summary true 100 0.1 USD 0.9'])
  })

  it('counts a success alone for a model that failed first and answered then', () => {
    const mended = { ...own, errorCodes: ['PROVIDER_ERROR', 'OUTPUT_INVALID'] }
    expect(performanceSamples(logRow({ calledModels: [mended] }))).toMatchObject([{ model: 'm', isSuccess: true }])
  })

  it('counts the failure of a model whatever became of the request, one for all its calls', () => {
    for (const [status, errorCode] of [
      ['CANCELLED', 'CANCELLED'],
      ['EXPIRED', 'DEADLINE_EXCEEDED'],
      ['FAILED', 'INVALID_REQUEST'],
    ] as const) {
      const twice = { ...broken, errorCodes: ['REQUEST_TIMEOUT', 'PROVIDER_ERROR', 'CANCELLED'] }
      const ended = { ...own, hasAnswered: false, errorCodes: [errorCode] }
      expect(performanceSamples(logRow({ status, errorCode, calledModels: [twice, ended] }))).toMatchObject([
        { model: 'first', isSuccess: false },
      ])
    }
  })

  it('counts nothing for a model whose answer was lost afterwards, or was not the one that the request ended with', () => {
    const tooLarge = logRow({ status: 'FAILED', errorCode: 'PAYLOAD_TOO_LARGE', calledModels: [broken, own] })
    expect(performanceSamples(tooLarge).map(({ model }) => model)).toEqual(['first'])
    const earlier = { ...own, model: 'earlier' }
    expect(performanceSamples(logRow({ calledModels: [earlier, own] })).map(({ model }) => model)).toEqual(['m'])
  })

  it('takes no amount into a sum that could make it overflow', () => {
    const costing = (amount: string) => [{ ...own, cost: { ...own.cost, amount } }]
    const largest = `${'9'.repeat(26)}.${'9'.repeat(12)}`
    expect(performanceSamples(logRow({ calledModels: costing(largest) }))).toMatchObject([{ cost: largest }])
    expect(performanceSamples(logRow({ calledModels: costing(`1${largest}`) }))).toMatchObject([{ cost: null }])
  })

  it.each([
    ['no model is known', { model: null }],
    ['it was cancelled', { status: 'CANCELLED' as const, errorCode: 'CANCELLED' }],
    ['it expired', { status: 'EXPIRED' as const, errorCode: 'DEADLINE_EXCEEDED' }],
    ['it was rejected', { status: 'REJECTED' as const, errorCode: 'INVALID_REQUEST' }],
    ['it failed without a call', { status: 'FAILED' as const, errorCode: 'RATE_LIMITED', calledModels: [] }],
    ['the request was wrong', { status: 'FAILED' as const, errorCode: 'INVALID_REQUEST' }],
    ['the request was too long', { status: 'FAILED' as const, errorCode: 'CONTEXT_LENGTH' }],
    ['the answer was too large to publish', { status: 'FAILED' as const, errorCode: 'PAYLOAD_TOO_LARGE' }],
    ['nobody knows what came of it', { status: 'FAILED' as const, errorCode: 'OUTCOME_UNKNOWN' }],
    ['the end is no time', { finishedAt: Number.NaN }],
    ['the end is beyond all dates', { finishedAt: 1e300 }],
  ])('counts nothing where %s', (_, changes) => {
    expect(performanceSamples(logRow(changes))).toEqual([])
  })

  it('takes names that are too long for an index by their beginning, and none for empty', () => {
    const [sample] = performanceSamples(
      logRow({
        model: 'm'.repeat(100_000),
        taskType: 't'.repeat(5_000),
        cost: { ...logRow().cost, currency: 'C'.repeat(99) },
      }),
    )
    expect(sample).toMatchObject({ model: 'm'.repeat(128), taskType: 't'.repeat(128), currency: 'C'.repeat(16) })
    expect(performanceSamples(logRow())).toMatchObject([{ taskType: '' }])
  })
})

describe('qualityOf', () => {
  it.each([
    [0, 0],
    [1, 1],
    [1 / 3, 0.333333],
    [-0.1, null],
    [1.1, null],
    [Number.NaN, null],
    [Number.POSITIVE_INFINITY, null],
    [null, null],
  ])('of %s is %s', (confidence, expected) => {
    expect(qualityOf(confidence)).toBe(expected)
  })
})
