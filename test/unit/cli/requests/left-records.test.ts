import { expect, it } from 'vitest'
import type { FoundRecord } from '../../../../src/cli/requests/find-records.ts'
import { LeftRecords } from '../../../../src/cli/requests/left-records.ts'

function found(role: FoundRecord['role'], topic: string, offset: number, timestamp: number, bytes = 10): FoundRecord {
  const value = Buffer.alloc(bytes)
  return { role, record: { topic, partition: 0, offset, key: null, value, headers: {}, timestamp } }
}

it('lists what holds content, oldest first, the chunks as one, each with the time until which it is kept', () => {
  const left = new LeftRecords()
  for (const record of [
    found('completions', 'completions', 4, 1_090),
    found('chunks', 'chunks', 8, 1_050, 3),
    found('chunks', 'chunks', 7, 1_040, 2),
    found('performance', 'performance', 1, 1_091),
    found('requests', 'requests', 2, 1_000, 200),
  ]) {
    left.add(record)
  }
  left.add({ role: 'deadLetters', record: { ...found('deadLetters', 'dlt', 0, 1_001).record, value: null } })
  expect(left.topics().toSorted()).toEqual(['chunks', 'completions', 'requests'])
  expect(
    left.list(
      new Map([
        ['requests', 500],
        ['chunks', 60],
        ['completions', null],
      ]),
    ),
  ).toEqual([
    { role: 'requests', place: 'requests/0/2', count: 1, bytes: 200, keptUntil: 1_500 },
    { role: 'chunks', place: 'chunks/0/7', count: 2, bytes: 5, keptUntil: 1_110 },
    { role: 'completions', place: 'completions/0/4', count: 1, bytes: 10, keptUntil: null },
  ])
})

it('lists nothing where nothing was found', () => {
  expect(new LeftRecords().list(new Map())).toEqual([])
})
