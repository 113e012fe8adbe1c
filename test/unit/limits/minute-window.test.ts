import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MinuteWindow } from '../../../src/limits/minute-window.ts'

describe('a minute', () => {
  test('lets all of a limit be taken at once, and the next as soon as the minute is over', () => {
    const window = new MinuteWindow()
    for (let i = 0; i < 3; i += 1) {
      expect(window.waitMs(1, 3, 500)).toBe(0)
      window.add(1, 500, 500)
    }
    expect(window.waitMs(1, 3, 500)).toBe(60_500)
    expect(window.waitMs(1, 3, 60_999)).toBe(1)
    expect(window.waitMs(1, 3, 61_000)).toBe(0)
    expect(window.used(61_000)).toBe(0)
  })

  test('tells when so much of it is over that an amount fits', () => {
    const window = new MinuteWindow()
    window.add(40, 0, 0)
    window.add(40, 10_000, 10_000)
    expect(window.waitMs(20, 100, 20_000)).toBe(0)
    expect(window.waitMs(21, 100, 20_000)).toBe(41_000)
    expect(window.waitMs(100, 100, 20_000)).toBe(51_000)
  })

  test('lets more than the limit in when nothing else counts, and only then', () => {
    const window = new MinuteWindow()
    expect(window.waitMs(500, 100, 0)).toBe(0)
    window.add(500, 0, 0)
    expect(window.waitMs(1, 100, 30_000)).toBe(31_000)
    expect(window.waitMs(500, 100, 61_000)).toBe(0)
    window.add(1, 61_000, 61_000)
    expect(window.waitMs(500, 100, 61_000)).toBe(61_000)
  })

  test('is corrected as of the time of the call, and not at all when that is over', () => {
    const window = new MinuteWindow()
    window.add(100, 0, 0)
    window.add(-90, 0, 5_000)
    expect(window.used(5_000)).toBe(10)
    expect(window.used(61_000)).toBe(0)
    window.add(-50, 0, 61_000)
    expect(window.used(61_000)).toBe(0)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('takes no %s', (amount) => {
    const window = new MinuteWindow()
    window.add(amount, 0, 0)
    expect(window.used(0)).toBe(0)
  })

  test('never holds more than the limit, whichever minute is looked at', () => {
    const steps = fc.array(fc.record({ afterMs: fc.nat(20_000), amount: fc.integer({ min: 1, max: 10 }) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, (taken) => {
        const window = new MinuteWindow()
        const log: { at: number; amount: number }[] = []
        let now = 0
        for (const { afterMs, amount } of taken) {
          now += afterMs
          const waitMs = window.waitMs(amount, 10, now)
          if (waitMs > 0) {
            now += waitMs
            expect(window.waitMs(amount, 10, now)).toBe(0)
          }
          window.add(amount, now, now)
          log.push({ at: now, amount })
          const minute = log.filter(({ at }) => at > now - 60_000)
          expect(minute.reduce((sum, entry) => sum + entry.amount, 0)).toBeLessThanOrEqual(10)
        }
      }),
    )
  })
})
