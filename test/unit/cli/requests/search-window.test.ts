import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinWindows } from '../../../../src/cli/requests/search-window.ts'

describe('windows', () => {
  it('that overlap or touch are one, and others stay apart', () => {
    const windows = [
      { fromMs: 50, toMs: 60 },
      { fromMs: 0, toMs: 10 },
      { fromMs: 10, toMs: 20 },
      { fromMs: 5, toMs: 8 },
    ]
    expect(joinWindows(windows)).toEqual([
      { fromMs: 0, toMs: 20, indexes: [1, 3, 2] },
      { fromMs: 50, toMs: 60, indexes: [0] },
    ])
    expect(joinWindows([])).toEqual([])
  })

  it('cover each what it is made of, every one once, and never each other', () => {
    const window = fc.tuple(fc.nat(1_000), fc.nat(50)).map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }))
    fc.assert(
      fc.property(fc.array(window, { maxLength: 40 }), (windows) => {
        const joined = joinWindows(windows)
        const indexes = joined.flatMap((one) => one.indexes)
        expect(indexes.toSorted((left, right) => left - right)).toEqual(windows.map((_, index) => index))
        for (const { fromMs, toMs, indexes: members } of joined) {
          for (const index of members) {
            expect(windows[index]?.fromMs).toBeGreaterThanOrEqual(fromMs)
            expect(windows[index]?.toMs).toBeLessThanOrEqual(toMs)
          }
        }
        for (const [index, { fromMs }] of joined.entries()) {
          if (index > 0) expect(fromMs).toBeGreaterThan(joined[index - 1]?.toMs ?? Number.NaN)
        }
      }),
    )
  })
})
