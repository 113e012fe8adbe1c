/** Compressed batches on a real broker, which checks ours with Java's codecs and, told to, compresses with those itself. */
import kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { kafkaFixture } from './kafka-fixture.ts'

const { kafka, createTopic, readCommitted } = kafkaFixture()
const values = Array.from({ length: 50 }, (_, n) => `${n} ${'text '.repeat(2_000)}`)

async function send(topic: string, compression: kafkajs.CompressionTypes): Promise<void> {
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const messages = values.map((value, n) => ({ key: `k${n}`, value, headers: { n: String(n) } }))
  await producer.send({ topic, compression, messages })
  await producer.disconnect()
}

describe.each(['GZIP', 'Snappy', 'LZ4', 'ZSTD'] as const)('%s', (name) => {
  it('is read as our producers write it', async () => {
    const topic = await createTopic(`ours-${name}`)
    await send(topic, kafkajs.CompressionTypes[name])
    const records = await readCommitted(topic)
    expect(records.map(({ value }) => String(value))).toEqual(values)
    expect(records[7]).toMatchObject({ key: 'k7', headers: { n: '7' } })
  })

  it("is read as Java writes it: the topic's compression.type lets the broker compress", async () => {
    const topic = await createTopic(`java-${name}`, 1, { 'compression.type': name.toLowerCase() })
    await send(topic, kafkajs.CompressionTypes.None)
    const records = await readCommitted(topic)
    expect(records.map(({ value }) => String(value))).toEqual(values)
  })
})
