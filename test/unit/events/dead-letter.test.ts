import { expect, test } from 'vitest'
import { deadLetterRecord } from '../../../src/events/dead-letter.ts'

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
