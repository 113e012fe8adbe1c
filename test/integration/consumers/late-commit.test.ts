/** Commits that the network holds up, and connections that it breaks: what the group holds at rest is what is finished. */

import { randomUUID } from 'node:crypto'
import type { Admin, Kafka } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { createKafkaIntake } from '../../../src/consumers/kafka-intake.ts'
import type { IntakeRecord, RecordIntake } from '../../../src/consumers/record-intake.ts'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'
import type { Log } from '../../../src/model-service/ports/log.ts'
import { type KafkaProxy, kafkaApis, startKafkaProxy } from '../../faults/kafka-proxy.ts'
import { createTopics } from '../../support/create-topics.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
const soon = { timeout: 20_000, interval: 50 }
let proxy: KafkaProxy
let direct: Kafka
let admin: Admin
const intakes: RecordIntake[] = []

beforeAll(async () => {
  const brokers = inject('stack').kafkaBrokers
  proxy = await startKafkaProxy(brokers)
  direct = createKafkaClient({ brokers: [brokers], clientId: 'direct' }, silent)
  admin = direct.admin()
  await admin.connect()
})

afterAll(async () => {
  await Promise.all(intakes.map((intake) => intake.stop()))
  await admin.disconnect()
  await proxy.close()
})

/** A topic of two partitions with ten records in each, and its group. */
async function namespace(): Promise<{ topic: string; groupId: string }> {
  const topic = `late-${randomUUID()}`
  await createTopics(admin, [{ topic, numPartitions: 2, replicationFactor: 1 }])
  // A partition of a new topic may not be ready, and kafkajs then sends those of all partitions again: the broker must know them.
  const producer = direct.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = Array.from({ length: 20 }, (_, n) => ({ key: 'k', value: `v${n}`, partition: n % 2 }))
  await producer.send({ topic, messages })
  await producer.disconnect()
  return { topic, groupId: `group-${topic}` }
}

async function join(kafka: Kafka, { topic, groupId }: { topic: string; groupId: string }) {
  const records: IntakeRecord[] = []
  const fatals: Error[] = []
  const intake = createKafkaIntake({
    kafka,
    groupId,
    topics: [topic],
    settings: { commitIntervalMs: 100, maxWaitMs: 100, sessionTimeoutMs: 6_000 },
    onRecords: (received) => records.push(...received),
    onRevoked() {},
    onFatal: (error) => fatals.push(error),
    log: silent,
  })
  intakes.push(intake)
  await intake.start()
  return { intake, records, fatals }
}

async function committed(groupId: string, topic: string): Promise<number[]> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return [0, 1].map((partition) => Number(found?.partitions.find((entry) => entry.partition === partition)?.offset))
}

it('a commit that comes after the partition has gone does not take back what the next owner has finished', async () => {
  const names = await namespace()
  const a = await join(createKafkaClient({ brokers: [proxy.address], clientId: 'held-up' }, silent), names)
  await expect.poll(() => a.records.length, soon).toBe(20)
  await expect.poll(() => committed(names.groupId, names.topic), soon).toEqual([0, 0])
  const late = proxy.add({ api: kafkaApis.offsetCommit, on: 'request', act: { delayMs: 3_000 }, times: 100 })
  for (const record of a.records) if (record.offset < 5) a.intake.finished(record)
  await expect.poll(() => late.hits, soon).toBeGreaterThan(0)

  const b = await join(direct, names)
  await expect.poll(() => b.intake.assignment().length, soon).toBe(1)
  const lost = b.intake.assignment()[0]?.partition ?? -1
  await expect.poll(() => b.records.length, soon).toBeGreaterThanOrEqual(5)
  for (const record of b.records) b.intake.finished(record)
  await expect.poll(async () => (await committed(names.groupId, names.topic))[lost], soon).toBe(10)
  late.remove()
  // Later than everything that the proxy still held.
  const quiet = performance.now() + 3_500
  await expect
    .poll(async () => {
      expect((await committed(names.groupId, names.topic))[lost]).toBe(10)
      return performance.now() > quiet
    }, soon)
    .toBe(true)
  for (const record of a.records) a.intake.finished(record)
  await expect.poll(() => committed(names.groupId, names.topic), soon).toEqual([10, 10])
})

it('connections that break at each fetch for a while lose nothing; a pause outlasts them', async () => {
  const names = await namespace()
  const { intake, records, fatals } = await join(
    createKafkaClient({ brokers: [proxy.address], clientId: 'broken' }, silent),
    names,
  )
  await expect.poll(() => records.length, soon).toBe(20)
  intake.pause({ topic: names.topic, partition: 1 })
  const fetchApi = 1
  const cuts = proxy.add({ api: fetchApi, on: 'request', act: 'cut', times: 6 })
  await expect.poll(() => cuts.hits, soon).toBe(6)
  const producer = direct.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  await producer.send({
    topic: names.topic,
    messages: [0, 1].map((partition) => ({ key: 'k', value: 'after', partition })),
  })
  await producer.disconnect()
  const after = () => records.filter(({ value }) => String(value) === 'after').map(({ partition }) => partition)
  await expect.poll(after, soon).toEqual([0])
  const quiet = performance.now() + 1_000
  await expect.poll(() => performance.now() > quiet, soon).toBe(true)
  expect(after()).toEqual([0])
  intake.resume({ topic: names.topic, partition: 1 })
  await expect.poll(after, soon).toEqual([0, 1])
  for (const record of records) intake.finished(record)
  await expect.poll(() => committed(names.groupId, names.topic), soon).toEqual([11, 11])
  expect(fatals).toEqual([])
})

it('stopped while it joins again, it is no member afterwards', async () => {
  const names = await namespace()
  const { intake } = await join(createKafkaClient({ brokers: [proxy.address], clientId: 'leaving' }, silent), names)
  await expect.poll(() => intake.assignment().length, soon).toBe(2)
  const members = async () => (await admin.describeGroups([names.groupId])).groups[0]?.members.length
  expect(await members()).toBe(1)
  // Its connections break, and the join that follows waits for an answer when the stop comes.
  const [joinApi, heartbeatApi] = [11, 12]
  const joining = proxy.add({ api: joinApi, on: 'response', act: { delayMs: 2_000 }, times: 10 })
  proxy.add({ api: heartbeatApi, on: 'response', act: 'cut', times: 1 })
  const other = await join(direct, names)
  await expect.poll(() => joining.hits, soon).toBeGreaterThan(0)
  await intake.stop()
  joining.remove()
  await other.intake.stop()
  await expect.poll(members, soon).toBe(0)
  const quiet = performance.now() + 2_000
  await expect
    .poll(async () => {
      expect(await members()).toBe(0)
      return performance.now() > quiet
    }, soon)
    .toBe(true)
})
