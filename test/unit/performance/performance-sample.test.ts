import { describe, expect, it } from 'vitest'
import { performanceSample, qualityOf } from '../../../src/performance/performance-sample.ts'
import { logRow } from '../../support/log-row.ts'

describe('performanceSample', () => {
  it('counts an answer with its time, cost and confidence, on the day it ended (UTC)', () => {
    const finishedAt = Date.parse('2026-12-31T23:59:59.999Z')
    expect(performanceSample(logRow({ taskType: 'summary', finishedAt }))).toEqual({
      model: 'm',
      taskType: 'summary',
      day: '2026-12-31',
      currency: 'USD',
      isSuccess: true,
      latencyMs: 100,
      cost: '0.1',
      quality: 0.9,
    })
  })

  it('counts a failure of the model with its cost, and neither time nor quality', () => {
    const failed = logRow({ status: 'FAILED', errorCode: 'PROVIDER_ERROR' })
    expect(performanceSample(failed)).toMatchObject({ isSuccess: false, latencyMs: null, cost: '0.1', quality: null })
  })

  it.each([
    ['no model is known', { model: null }],
    ['it was cancelled', { status: 'CANCELLED' as const, errorCode: 'CANCELLED' }],
    ['it expired', { status: 'EXPIRED' as const, errorCode: 'DEADLINE_EXCEEDED' }],
    ['it was rejected', { status: 'REJECTED' as const, errorCode: 'INVALID_REQUEST' }],
    ['it failed without a call', { status: 'FAILED' as const, errorCode: 'RATE_LIMITED', attemptCount: 0 }],
    ['the request was wrong', { status: 'FAILED' as const, errorCode: 'INVALID_REQUEST' }],
    ['the request was too long', { status: 'FAILED' as const, errorCode: 'CONTEXT_LENGTH' }],
    ['the answer was too large to publish', { status: 'FAILED' as const, errorCode: 'PAYLOAD_TOO_LARGE' }],
    ['nobody knows what came of it', { status: 'FAILED' as const, errorCode: 'OUTCOME_UNKNOWN' }],
    ['the end is no time', { finishedAt: Number.NaN }],
    ['the end is beyond all dates', { finishedAt: 1e300 }],
  ])('counts nothing where %s', (_, changes) => {
    expect(performanceSample(logRow(changes))).toBeNull()
  })

  it('takes names that are too long for an index by their beginning, and none for empty', () => {
    const sample = performanceSample(
      logRow({
        model: 'm'.repeat(100_000),
        taskType: 't'.repeat(5_000),
        cost: { ...logRow().cost, currency: 'C'.repeat(99) },
      }),
    )
    expect(sample).toMatchObject({ model: 'm'.repeat(128), taskType: 't'.repeat(128), currency: 'C'.repeat(16) })
    expect(performanceSample(logRow())).toMatchObject({ taskType: '' })
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
