import { beforeEach, describe, expect, test } from 'vitest'
import { RefusalBackoff } from '../../../src/limits/refusal-backoff.ts'

let backoff: RefusalBackoff
let now: number

beforeEach(() => {
  backoff = new RefusalBackoff()
  now = 1_000
})

/** A call that begins now and is refused 10 ms later, one of so many. */
function refuse(rest: { retryAfterMs?: number | null; inFlightCount?: number; draw?: number } = {}) {
  const startedAt = now
  now += 10
  backoff.refused({ startedAt, now, retryAfterMs: null, inFlightCount: 1, draw: 0, ...rest })
}

const waitMs = (inFlightCount = 0) => backoff.waitMs(now, inFlightCount)

describe('a model that refuses', () => {
  test('is left alone for as long as it asks, and a little longer so that not all come back at once', () => {
    expect(waitMs()).toBe(0)
    refuse({ retryAfterMs: 2_000 })
    expect(waitMs()).toBe(2_000)
    now += 2_000
    expect(waitMs()).toBe(0)
    refuse({ retryAfterMs: 2_000, draw: 0.5 })
    expect(waitMs()).toBe(2_250)
    now += 2_250
    refuse({ retryAfterMs: 20_000, draw: 0.5 })
    expect(waitMs()).toBe(20_500)
  })

  test('is not believed for longer than a minute, nor to want less than nothing', () => {
    refuse({ retryAfterMs: 86_400_000 })
    expect(waitMs()).toBe(60_000)
    now += 60_000
    refuse({ retryAfterMs: -5 })
    expect(waitMs()).toBe(0)
  })

  test('is left alone for longer each time where it does not say, up to half a minute', () => {
    const waits = Array.from({ length: 8 }, () => {
      refuse()
      const wait = waitMs()
      now += wait
      return wait
    })
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    refuse({ draw: 0.9 })
    expect(waitMs()).toBe(28_500)
  })

  test('says nothing new by calls that began before', () => {
    const startedAt = now
    refuse()
    now += 100
    backoff.refused({ startedAt, now, retryAfterMs: null, inFlightCount: 1, draw: 0 })
    expect(waitMs()).toBe(400)
    // But for how long it wants to be left alone.
    backoff.refused({ startedAt, now, retryAfterMs: 3_000, inFlightCount: 1, draw: 0 })
    expect(waitMs()).toBe(3_000)
    backoff.gotThrough(startedAt)
    expect(waitMs()).toBe(3_000)
  })
})

describe('after the wait', () => {
  test('half as many calls at once are let in, and one more for each that gets through', () => {
    refuse({ inFlightCount: 8 })
    now += 500
    expect([waitMs(3), waitMs(4)]).toEqual([0, Number.POSITIVE_INFINITY])
    const startedAt = now
    backoff.gotThrough(startedAt)
    expect([waitMs(4), waitMs(5)]).toEqual([0, Number.POSITIVE_INFINITY])
    for (let call = 0; call < 3; call++) backoff.gotThrough(startedAt)
    expect([waitMs(1_000), backoff.isFree(now)]).toEqual([0, true])
  })

  test('a call that gets through makes the next wait a short one again', () => {
    for (let time = 0; time < 3; time++) {
      refuse({ inFlightCount: 8 })
      now += waitMs()
    }
    backoff.gotThrough(now)
    refuse({ inFlightCount: 8 })
    expect(waitMs()).toBe(500)
  })

  test('a lone call is let in, whatever happens', () => {
    for (let time = 0; time < 3; time++) {
      refuse({ inFlightCount: 1 })
      now += waitMs()
      expect([waitMs(0), waitMs(1)]).toEqual([0, Number.POSITIVE_INFINITY])
    }
    backoff.gotThrough(now)
    expect(backoff.isFree(now)).toBe(true)
  })

  test('all are let in when nobody called for a minute', () => {
    refuse({ inFlightCount: 8 })
    now += 500 + 59_999
    expect([waitMs(4), backoff.isFree(now)]).toEqual([Number.POSITIVE_INFINITY, false])
    now += 1
    expect([waitMs(4), backoff.isFree(now)]).toEqual([0, true])
    refuse()
    expect(waitMs()).toBe(500)
  })
})
