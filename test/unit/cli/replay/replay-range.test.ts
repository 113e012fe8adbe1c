import { describe, expect, it } from 'vitest'
import {
  formatRangeBound,
  isWhole,
  parseRangeBound,
  type RangeBound,
  type ReplayRange,
  rangeInOffsets,
  recordsWithin,
} from '../../../../src/cli/replay/replay-range.ts'

const positions = (partitions: Record<number, number>) =>
  new Map([['t', new Map(Object.entries(partitions).map(([partition, offset]) => [Number(partition), offset]))]])

/** Partition 0 holds 10…99, partition 1 holds 0…19, partition 2 nothing; the times lie at 40 and 50, and 5 and 20. */
const offsets = {
  first: positions({ 0: 10, 1: 0, 2: 7 }),
  next: positions({ 0: 100, 1: 20, 2: 7 }),
  atFrom: positions({ 0: 40, 1: 5, 2: 7 }),
  atTo: positions({ 0: 50, 1: 20, 2: 7 }),
}
const whole: ReplayRange = { from: { kind: 'beginning' }, to: { kind: 'end' }, partitions: null }

function resolved(range: Partial<ReplayRange>) {
  const { from, until } = rangeInOffsets(['t'], { ...whole, ...range }, offsets)
  return [0, 1, 2].map((partition) => [from.get('t')?.get(partition), until.get('t')?.get(partition)])
}

describe('parseRangeBound', () => {
  it.each<[string, RangeBound]>([
    ['beginning', { kind: 'beginning' }],
    ['end', { kind: 'end' }],
    ['offset:0', { kind: 'offset', offset: 0 }],
    ['offset:123456789012345', { kind: 'offset', offset: 123456789012345 }],
    ['2026-05-31', { kind: 'time', timeMs: Date.UTC(2026, 4, 31) }],
    ['2026-05-31T12:00Z', { kind: 'time', timeMs: Date.UTC(2026, 4, 31, 12) }],
    ['2026-05-31T12:00:00.5+02:00', { kind: 'time', timeMs: Date.UTC(2026, 4, 31, 10, 0, 0, 500) }],
  ])('reads %s', (text, bound) => {
    expect(parseRangeBound(text)).toEqual(bound)
    expect(parseRangeBound(formatRangeBound(bound))).toEqual(bound)
  })

  it.each([
    '',
    'begin',
    'offset:',
    'offset:-1',
    'offset:1.5',
    'offset:1234567890123456',
    'yesterday',
    '2026',
    '12',
    '2026-13-01',
    '2026-05-31T12:00',
    '2026-05-31T25:00Z',
    '2026-05-31T12:00:00ZZ',
  ])('takes %j for no bound', (text) => {
    expect(parseRangeBound(text)).toBeNull()
  })
})

describe('rangeInOffsets', () => {
  it.each<[string, Partial<ReplayRange>, unknown]>([
    [
      'everything',
      {},
      [
        [10, 100],
        [0, 20],
        [7, 7],
      ],
    ],
    [
      'from an offset, where the partition has it',
      { from: { kind: 'offset', offset: 15 } },
      [
        [15, 100],
        [15, 20],
        [7, 7],
      ],
    ],
    [
      'from an offset that was deleted',
      { from: { kind: 'offset', offset: 3 } },
      [
        [10, 100],
        [3, 20],
        [7, 7],
      ],
    ],
    [
      'from an offset that is not there yet',
      { from: { kind: 'offset', offset: 500 } },
      [
        [100, 100],
        [20, 20],
        [7, 7],
      ],
    ],
    [
      'to an offset',
      { to: { kind: 'offset', offset: 12 } },
      [
        [10, 12],
        [0, 12],
        [7, 7],
      ],
    ],
    [
      'an offset behind its end: nothing, and no negative count',
      { from: { kind: 'offset', offset: 18 }, to: { kind: 'offset', offset: 12 } },
      [
        [18, 18],
        [18, 18],
        [7, 7],
      ],
    ],
    [
      'times',
      { from: { kind: 'time', timeMs: 1 }, to: { kind: 'time', timeMs: 2 } },
      [
        [40, 50],
        [5, 20],
        [7, 7],
      ],
    ],
    [
      'from the end',
      { from: { kind: 'end' } },
      [
        [100, 100],
        [20, 20],
        [7, 7],
      ],
    ],
    [
      'one partition; the others have nothing to read',
      { partitions: [1] },
      [
        [100, 100],
        [0, 20],
        [7, 7],
      ],
    ],
  ])('%s', (_, range, expected) => expect(resolved(range)).toEqual(expected))

  it('counts what is within', () => {
    expect(recordsWithin(rangeInOffsets(['t'], whole, offsets))).toBe(110)
    expect(recordsWithin(rangeInOffsets(['t'], { ...whole, partitions: [1] }, offsets))).toBe(20)
  })

  it('refuses partitions that do not exist, and times the wrong way round', () => {
    expect(() => resolved({ partitions: [0, 3] })).toThrow('--partitions names 3: expected some of 0, 1, 2.')
    const backwards = { from: { kind: 'time', timeMs: 2 }, to: { kind: 'time', timeMs: 1 } } as const
    expect(() => resolved(backwards)).toThrow('--from is later than --to')
  })
})

it('knows the whole', () => {
  expect(isWhole(whole)).toBe(true)
  expect(isWhole({ ...whole, partitions: [0] })).toBe(false)
  expect(isWhole({ ...whole, from: { kind: 'offset', offset: 0 } })).toBe(false)
})
