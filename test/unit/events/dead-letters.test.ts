import { expect, test, vi } from 'vitest'
import type { OutgoingRecord, RefusedRecord } from '../../../src/delivery/outgoing-record.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { createDeadLetters } from '../../../src/events/dead-letters.ts'

const source = {
  ...{ topic: 'model.requests', partition: 2, offset: 5, timestamp: 9 },
  ...{ key: Buffer.from('k'), value: Buffer.from('bytes'), headers: { secret: 'of the producer' } },
}
const bad = new ModelServiceError('DECODE_FAILED', 'not Avro')

/** Dead letters whose topic gives these answers, one after the other, then takes everything. */
function setUp(...answers: (RefusedRecord['why'] | Error)[]) {
  const sent: OutgoingRecord[] = []
  const error = vi.fn()
  const onPublished = vi.fn()
  const letters = createDeadLetters({
    async publish([record]) {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      if (record === undefined) return []
      sent.push(record)
      return answer === undefined ? [] : [{ record, why: answer }]
    },
    topicPrefix: '',
    onPublished,
    log: { debug() {}, info() {}, warn() {}, error },
  })
  return { letters, sent, error, onPublished }
}

test('a record goes to its dead letter topic byte for byte', async () => {
  const { letters, sent, error, onPublished } = setUp()
  await letters.deadLetter(source, bad)
  expect(sent).toMatchObject([{ topic: 'model.requests.dlt', key: source.key, value: source.value }])
  expect(onPublished.mock.calls).toEqual([[source, 'DECODE_FAILED']])
  expect(error).not.toHaveBeenCalled()
})

test('one that is refused goes without its bytes; the log tells where they lie and nothing of the producer', async () => {
  const { letters, sent, error, onPublished } = setUp('record')
  await letters.deadLetter(source, bad)
  expect(sent[1]).toMatchObject({ topic: 'model.requests.dlt', value: null, headers: { 'dlt-omitted-bytes': '6' } })
  expect(onPublished).toHaveBeenCalledTimes(1)
  const [fields] = error.mock.calls[0] ?? []
  expect(fields).toMatchObject({ 'dlt-source-topic': 'model.requests', 'dlt-source-offset': '5' })
  expect(fields).not.toHaveProperty('secret')
})

test.each([
  ['takes nothing', ['topic'] as const, 1],
  ['refuses even the short one', ['record', 'record'] as const, 2],
])('a topic that %s is waited for: nothing counts as published', async (_what, answers, sentCount) => {
  const { letters, sent, onPublished } = setUp(...answers)
  await expect(letters.deadLetter(source, bad)).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  expect(sent).toHaveLength(sentCount)
  expect(onPublished).not.toHaveBeenCalled()
})

test("a broker that is away is the caller's to wait for", async () => {
  const away = new ModelServiceError('BROKER_UNAVAILABLE', 'away')
  const { letters } = setUp(away)
  await expect(letters.deadLetter(source, bad)).rejects.toBe(away)
})
