import { expect, test } from 'vitest'
import { deadLetterRecord, isShortDeadLetter, shortDeadLetter } from '../../../src/events/dead-letter.ts'

const source = { partition: 0, offset: 5, key: null, value: null, headers: {}, timestamp: 9 }
const reason = { code: 'DECODE_FAILED', message: 'm' }

test.each([
  ['p.model.requests', 'p.model.requests.dlt'],
  ['p.model.requests.retry.10s', 'p.model.requests.dlt'],
  ['p.model.commands', 'p.model.commands.dlt'],
])('records of %s go to %s', (topic, expected) => {
  expect(deadLetterRecord({ ...source, topic }, reason, 'p.').topic).toBe(expected)
})

test('a tombstone without a key stays one, and says so', () => {
  const record = deadLetterRecord({ ...source, topic: 'model.requests' }, reason, '')
  expect(record).toMatchObject({ key: Buffer.alloc(0), value: null, headers: { 'dlt-key-absent': 'true' } })
})

test('a long reason is cut, and stays well-formed text', () => {
  const message = `${'x'.repeat(999)}🎉`
  const cut = deadLetterRecord({ ...source, topic: 'model.requests' }, { code: 'C', message }, '').headers[
    'dlt-message'
  ]
  expect(cut).toHaveLength(1_000)
  expect(cut?.isWellFormed()).toBe(true)
})

test('one that no topic takes comes without the bytes of its record, and says where they are', () => {
  const headers = { 'reply-topic': 'x'.repeat(100), 'dlt-anything': 'of the source' }
  const large = { ...source, topic: 'model.requests', key: Buffer.from('k'), value: Buffer.alloc(9_000_000), headers }
  const letter = deadLetterRecord(large, reason, '')
  expect(isShortDeadLetter(letter)).toBe(true)
  expect(letter).toEqual({
    topic: 'model.requests.dlt',
    key: Buffer.alloc(0),
    value: null,
    headers: {
      'dlt-reason': 'DECODE_FAILED',
      'dlt-message': 'm',
      'dlt-source-topic': 'model.requests',
      'dlt-source-partition': '0',
      'dlt-source-offset': '5',
      'dlt-source-timestamp': '9',
      'dlt-omitted-bytes': '9000001',
    },
  })
})

test('a source that calls itself shortened is none', () => {
  const letter = deadLetterRecord({ ...source, topic: 'a', headers: { 'dlt-omitted-bytes': '7' } }, reason, '')
  expect(isShortDeadLetter(letter)).toBe(false)
  expect(isShortDeadLetter(shortDeadLetter(letter))).toBe(true)
})
