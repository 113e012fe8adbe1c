import { expect, it, test } from 'vitest'
import { committedOffsets, lagCounts } from '../../../src/events/committed-offsets.ts'

const ends = [
  { partition: 0, offset: '10', low: '4', high: '10' },
  { partition: 1, offset: '20', low: '0', high: '20' },
  { partition: 2, offset: '0', low: '0', high: '0' },
]

function admin(offsets: [number, string][]) {
  return {
    fetchTopicOffsets: async () => ends,
    fetchOffsets: async () => [
      { topic: 'requests', partitions: offsets.map(([partition, offset]) => ({ partition, offset, metadata: null })) },
    ],
  }
}

it.each<[string, [number, string][], number]>([
  [
    'is up to date',
    [
      [0, '10'],
      [1, '20'],
      [2, '0'],
    ],
    0,
  ],
  [
    'is behind',
    [
      [0, '7'],
      [1, '20'],
      [2, '0'],
    ],
    3,
  ],
  [
    'has never committed',
    [
      [0, '-1'],
      [1, '-1'],
      [2, '-1'],
    ],
    26,
  ],
  [
    'stands before what is still kept',
    [
      [0, '1'],
      [1, '20'],
      [2, '0'],
    ],
    6,
  ],
  [
    'stands behind the end, as after a topic was made anew',
    [
      [0, '99'],
      [1, '20'],
      [2, '0'],
    ],
    0,
  ],
  ['knows nothing of a new partition', [[0, '10']], 20],
])('a group that %s', async (_, offsets, lagCount) => {
  expect(await lagCounts(admin(offsets), 'g', ['requests'])).toEqual(new Map([['requests', lagCount]]))
})

test('a group that reads no topic is behind in none, and is not asked for', async () => {
  const asked = { fetchOffsets: () => Promise.reject(new Error('asked')), fetchTopicOffsets: async () => ends }
  expect(await lagCounts(asked, 'g', [])).toEqual(new Map())
})

test('partitions without a committed offset are left out', async () => {
  const offsets = await committedOffsets(
    admin([
      [0, '7'],
      [1, '-1'],
      [2, '0'],
    ]),
    'g',
    ['requests'],
  )
  const known = new Map([
    [0, 7],
    [2, 0],
  ])
  expect(offsets).toEqual(new Map([['requests', known]]))
})
