import { describe, expect, test } from 'vitest'
import { MemoryTargetLatency } from '../../../src/routing/memory-target-latency.ts'
import { fadedValue, withMeasurement } from '../../../src/routing/peak-ewma.ts'

const fast = { provider: 'openai', model: 'gpt-4o' }
const slow = { provider: 'openai', model: 'o1' }

function setUp() {
  const clock = { at: 1_000, now: () => clock.at }
  const latency = new MemoryTargetLatency({ timers: clock })
  const call = (target: typeof fast, tookMs: number, kind: 'answered' | 'failed' = 'answered') =>
    latency.begin(target)({ kind, tookMs })
  return { clock, latency, call, ms: (target = fast) => latency.sample(target).latencyMs }
}

describe('the peak average', () => {
  test('rises at once, falls by the time that passes, and fades when nothing comes', () => {
    const first = withMeasurement(null, 200, 0)
    expect(withMeasurement(first, 900, 1)).toEqual({ value: 900, at: 1 })
    const soon = withMeasurement({ value: 900, at: 0 }, 100, 1_000)
    expect(soon.value).toBeGreaterThan(880)
    const later = withMeasurement({ value: 900, at: 0 }, 100, 60_000)
    expect(later.value).toBeCloseTo(900 * Math.exp(-1) + 100 * (1 - Math.exp(-1)))
    expect(fadedValue(first, 60_000)).toBeCloseTo(200 * Math.exp(-1))
    // A clock that was set back fades nothing.
    expect(fadedValue({ value: 5, at: 10 }, 0)).toBe(5)
  })
})

describe('the latency of a model', () => {
  test('is not known before the first answer, and is its own', () => {
    const { latency, call, ms } = setUp()
    expect(latency.sample(fast)).toEqual({ latencyMs: null, openCount: 0 })
    call(fast, 300)
    expect(ms()).toBe(300)
    expect(ms(slow)).toBeNull()
    expect(latency.sample({ provider: 'azure-openai', model: 'gpt-4o' }).latencyMs).toBeNull()
  })

  test('counts open calls, each ended once', () => {
    const { latency } = setUp()
    const ends = [latency.begin(fast), latency.begin(fast)]
    expect(latency.sample(fast).openCount).toBe(2)
    for (const end of ends) {
      end(null)
      end({ kind: 'answered', tookMs: 5 })
    }
    expect(latency.sample(fast)).toEqual({ latencyMs: null, openCount: 0 })
  })

  test('takes a quick failure for a slow answer, each one worse', () => {
    const { call, ms } = setUp()
    call(fast, 300)
    call(fast, 2, 'failed')
    expect(ms()).toBe(10_000)
    call(fast, 2, 'failed')
    expect(ms()).toBe(20_000)
    for (let i = 0; i < 20; i += 1) call(fast, 2, 'failed')
    expect(ms()).toBe(300_000)
  })

  test('comes back from failures with time', () => {
    const { clock, call, ms } = setUp()
    call(fast, 2, 'failed')
    clock.at += 300_000
    call(fast, 300)
    expect(ms()).toBe(300)
  })

  test.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])('is not measured by %s', (tookMs) => {
    const { call, ms } = setUp()
    call(fast, tookMs)
    expect(ms()).toBeNull()
  })

  test('is remembered for the models called last, however many there are', () => {
    const { call, ms } = setUp()
    call(fast, 300)
    call(slow, 900)
    for (let i = 0; i < 4_094; i += 1) call({ provider: 'p', model: `m${i}` }, 1)
    call(fast, 100)
    call({ provider: 'p', model: 'one more' }, 1)
    expect(ms()).not.toBeNull()
    expect(ms(slow)).toBeNull()
  })
})
