/**
 * What one writes who has an afternoon: kafkajs `eachMessage`, as many partitions at a time as there are, the schema
 * registry client, the official OpenAI SDK, one produce per result. All libraries with their defaults.
 */
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import OpenAI from 'openai'
import { loopSettings } from './loop-settings.ts'

interface NaiveRequest {
  requestId: string
  tenant: string
  model: string
  input: { 'io.modelservice.ChatInput': { messages: { role: string; content: { text: string }[] }[] } }
}

const settings = loopSettings()
const kafka = new Kafka({ brokers: settings.brokers, clientId: 'naive', logLevel: logLevel.ERROR })
const registry = new SchemaRegistry({ host: settings.schemaRegistryUrl })
const openai = new OpenAI({ baseURL: settings.providerUrl, apiKey: 'none' })
const consumer = kafka.consumer({ groupId: settings.groupId })
const producer = kafka.producer()

await producer.connect()
await consumer.connect()
await consumer.subscribe({ topic: settings.requestsTopic })
const schemaId = await registry.getLatestSchemaId(`${settings.resultsTopic}-value`)
await consumer.run({
  partitionsConsumedConcurrently: settings.partitionCount,
  eachMessage: async ({ message }) => {
    if (message.value === null) return
    const request = (await registry.decode(message.value)) as NaiveRequest
    const completion = await openai.chat.completions.create({
      model: request.model,
      messages: request.input['io.modelservice.ChatInput'].messages.map(({ role, content }) => ({
        role: role.toLowerCase() as 'system' | 'user',
        content: content.map(({ text }) => text).join(''),
      })),
    })
    const text = completion.choices[0]?.message.content ?? ''
    const value = await registry.encode(schemaId, {
      requestId: request.requestId,
      tenant: request.tenant,
      status: 'COMPLETED',
      kind: 'CHAT',
      chat: { text, refusal: null, reasoning: null, toolCalls: [] },
      finishReason: 'STOP',
    })
    await producer.send({ topic: settings.resultsTopic, messages: [{ key: message.key, value }] })
  },
})
process.on('SIGTERM', () => process.exit(0))
