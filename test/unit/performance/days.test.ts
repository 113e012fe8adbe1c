import { describe, expect, it } from 'vitest'
import { periodOf, requireDay } from '../../../src/performance/days.ts'

describe('periodOf', () => {
  // The weeks around the turns of years are those of ISO 8601, as PostgreSQL's to_char(day, 'IYYY-"W"IW') has them too.
  it.each([
    ['2026-11-24', '2026-W48'],
    ['2026-01-01', '2026-W01'],
    ['2027-01-01', '2026-W53'],
    ['2027-01-03', '2026-W53'],
    ['2027-01-04', '2027-W01'],
    ['2024-12-29', '2024-W52'],
    ['2024-12-30', '2025-W01'],
    ['2021-01-03', '2020-W53'],
    ['2023-01-01', '2022-W52'],
  ])('%s is in %s', (day, week) => {
    expect(periodOf(day, 'week')).toBe(week)
  })

  it('of a day or a month is its beginning', () => {
    expect([periodOf('2026-11-24', 'day'), periodOf('2026-11-24', 'month')]).toEqual(['2026-11-24', '2026-11'])
  })
})

describe('requireDay', () => {
  it.each(['2026-11-24', '2024-02-29', undefined])('takes %s', (text) => {
    expect(() => requireDay('from', text)).not.toThrow()
  })

  it.each([
    '',
    '0000-01-01',
    '2026-11',
    '2026-02-30',
    '2026-13-01',
    '26-11-24',
    '2026-11-24T00:00:00Z',
    'yesterday',
    '2025-02-29',
  ])('refuses %j', (text) => {
    expect(() => requireDay('from', text)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })
})
