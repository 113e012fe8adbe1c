import { expect, onTestFinished, test } from 'vitest'
import type { OutgoingRecord, RefusedRecord } from '../../../src/delivery/outgoing-record.ts'
import { PlainPublisher } from '../../../src/events/plain-publisher.ts'
import { silentLog } from '../../unit/delivery/silent-log.ts'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, prefix, createTopic, readCommitted } = kafkaFixture()

async function openPublisher() {
  const heard: RefusedRecord[] = []
  const publisher = new PlainPublisher({ kafka, onRefused: (refused) => heard.push(refused), log: silentLog })
  await publisher.start()
  onTestFinished(() => publisher.stop())
  return { publisher, heard }
}

function record(topic: string, text: string, bytes = 0): OutgoingRecord {
  return { topic, key: Buffer.from(text), headers: { h: 'v' }, value: Buffer.alloc(bytes, 'x') }
}

const keysOf = async (topic: string) => (await readCommitted(topic)).map(({ key }) => key)

test('records of several topics are published in their order', async () => {
  const [a, b] = [await createTopic('a'), await createTopic('b')]
  const { publisher } = await openPublisher()
  const published = [publisher.publish([record(a, '1'), record(b, 'x'), record(a, '2')]), publisher.publish([])]
  expect(await Promise.all(published)).toEqual([[], []])
  await publisher.publish([record(a, '3')])
  expect(await keysOf(a)).toEqual(['1', '2', '3'])
  expect(await keysOf(b)).toEqual(['x'])
})

test('the one record that its topic refuses is found and named; all others go through, then and later', async () => {
  const small = await createTopic('small', 1, { 'max.message.bytes': '1000' })
  const { publisher, heard } = await openPublisher()
  const bad = record(small, 'bad', 5_000)
  const records = [record(small, '1'), record(small, '2'), bad, record(small, '3')]
  expect(await publisher.publish(records)).toEqual([{ record: bad, why: 'record' }])
  expect(heard).toEqual([{ record: bad, why: 'record' }])
  expect(await publisher.publish([bad])).toEqual([{ record: bad, why: 'record' }])
  expect(await publisher.publish([record(small, '4')])).toEqual([])
  expect(await keysOf(small)).toEqual(['1', '2', '3', '4'])
})

test('a batch larger than one topic takes is no reason to refuse its records', async () => {
  const small = await createTopic('batch', 1, { 'max.message.bytes': '1000' })
  const { publisher, heard } = await openPublisher()
  const records = Array.from({ length: 5 }, (_, index) => record(small, `${index}`, 600))
  expect(await publisher.publish(records)).toEqual([])
  expect(heard).toEqual([])
  expect(await keysOf(small)).toEqual(['0', '1', '2', '3', '4'])
})

test('a topic that does not exist holds up no other', async () => {
  const topic = await createTopic('there')
  const { publisher } = await openPublisher()
  const [first, second] = [record(`${prefix}absent`, 'a'), record(`${prefix}absent`, 'b')]
  expect(await publisher.publish([first, record(topic, '1'), second])).toEqual([
    { record: first, why: 'topic' },
    { record: second, why: 'topic' },
  ])
  expect(await publisher.publish([record(topic, '2')])).toEqual([])
  expect(await keysOf(topic)).toEqual(['1', '2'])
})
