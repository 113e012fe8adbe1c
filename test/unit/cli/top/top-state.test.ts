import { describe, expect, it } from 'vitest'
import { otherModels, TopState } from '../../../../src/cli/top/top-state.ts'
import { completeDraft } from '../../../../src/codec/contract-type.ts'
import type { PerformanceEvent, PerformanceEventDraft } from '../../../../src/contract/types.ts'

const start = 1_800_000_000_000

function event(draft: PerformanceEventDraft = {}): PerformanceEvent {
  return completeDraft('PerformanceEvent', {
    kind: 'REQUEST',
    status: 'COMPLETED',
    model: 'm',
    durationMs: 100,
    cost: { amount: '0.1' },
    ...draft,
  })
}

it('begins with nothing, and asks for patience', () => {
  expect(new TopState(start).snapshot(start)).toMatchObject({
    windowMs: 1_000,
    requestCount: 0,
    requestsPerSecond: 0,
    p50Ms: null,
    models: [],
    lags: { value: null, problem: 'not read yet' },
  })
})

it('counts requests over the time that it has looked, and not their attempts', () => {
  const state = new TopState(start)
  for (let second = 1; second <= 10; second += 1) {
    state.add(event(), start + second * 1_000)
    state.add(event({ kind: 'ATTEMPT', outcome: 'FAILED' }), start + second * 1_000)
  }
  expect(state.snapshot(start + 10_000)).toMatchObject({ windowMs: 10_000, requestCount: 10, requestsPerSecond: 1 })
})

it('forgets what is older than a minute', () => {
  const state = new TopState(start)
  state.add(event({ model: 'early' }), start)
  state.add(event({ model: 'late' }), start + 30_000)
  expect(state.snapshot(start + 59_999).models.map(({ model }) => model)).toEqual(['early', 'late'])
  expect(state.snapshot(start + 61_000).models.map(({ model }) => model)).toEqual(['late'])
  expect(state.snapshot(start + 61_000)).toMatchObject({ windowMs: 60_000, requestsPerSecond: 1 / 60 })
  expect(state.snapshot(start + 200_000).requestCount).toBe(0)
})

it('holds no more than a minute, however long it looks', () => {
  const state = new TopState(start)
  for (let second = 0; second < 1_000; second += 1) state.add(event(), start + second * 1_000)
  expect(state.snapshot(start + 999_999).requestCount).toBe(60)
})

it('survives a clock that is set back', () => {
  const state = new TopState(start)
  state.add(event(), start + 5_000)
  state.add(event(), start - 90_000)
  expect(state.snapshot(start - 90_000)).toMatchObject({ windowMs: 1_000, requestCount: 2 })
})

it('adds up by model, most requests first, exactly', () => {
  const state = new TopState(start)
  const usage = { inputUncachedTokens: 10, outputTokens: 3 }
  for (let call = 0; call < 3; call += 1) state.add(event({ model: 'often', usage }), start)
  state.add(event({ model: 'seldom', cost: { amount: null, unknownReason: 'PRICE_UNKNOWN' } }), start)
  state.add(event({ model: 'seldom', status: 'REJECTED', cost: { amount: null, unknownReason: 'NO_CALL' } }), start)
  state.add(event({ model: 'often', cost: { amount: '2', currency: 'EUR' } }), start)
  const { models } = state.snapshot(start + 1)
  expect(models).toMatchObject([
    { model: 'often', requestCount: 4, failedCount: 0, inputTokens: 30, outputTokens: 9, unknownCostCount: 0 },
    { model: 'seldom', requestCount: 2, failedCount: 1, unknownCostCount: 1, costs: {} },
  ])
  expect(models[0]?.costs).toEqual({ USD: '0.3', EUR: '2' })
})

it('counts statuses and error codes, most first', () => {
  const state = new TopState(start)
  for (let call = 0; call < 3; call += 1) state.add(event({ status: 'FAILED', errorCode: 'RATE_LIMITED' }), start)
  state.add(event({ status: 'REJECTED', errorCode: 'INVALID_REQUEST' }), start)
  state.add(event(), start)
  const { statusCounts, errorCounts } = state.snapshot(start)
  expect(Object.entries(errorCounts)).toEqual([
    ['RATE_LIMITED', 3],
    ['INVALID_REQUEST', 1],
  ])
  expect(statusCounts).toEqual({ FAILED: 3, REJECTED: 1, COMPLETED: 1 })
})

describe('with names that somebody makes up', () => {
  it('tells so many models apart, and adds up the rest', () => {
    const state = new TopState(start)
    for (let call = 0; call < 5_000; call += 1) state.add(event({ model: `made-up-${call}` }), start)
    const { models, requestCount } = state.snapshot(start)
    expect(models).toHaveLength(201)
    expect(models[0]).toMatchObject({ model: otherModels, requestCount: 4_800 })
    expect(requestCount).toBe(5_000)
  })

  it('is not confused by names of properties', () => {
    const state = new TopState(start)
    state.add(event({ model: '__proto__', errorCode: 'constructor' }), start)
    expect(state.snapshot(start)).toMatchObject({ requestCount: 1, models: [{ model: '__proto__' }] })
    expect(Object.entries(state.snapshot(start).errorCounts)).toEqual([['constructor', 1]])
  })
})
