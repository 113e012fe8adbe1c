/**
 * The least that a worker can cost: read from Kafka, decode Avro, call over undici, encode Avro, one plain produce for all
 * that has gathered meanwhile. No ledger, no transaction, no validation, no routing, no price; offsets are committed as
 * records are read, so whatever is in flight is lost with the process.
 */
import { contractType } from '../../src/codec/contract-type.ts'
import { openRecordEncoder } from '../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../src/codec/schema-registry.ts'
import { unframe } from '../../src/codec/wire-format.ts'
import type { ModelRequest } from '../../src/contract/types.ts'
import { createKafkaClient } from '../../src/events/kafka-client.ts'
import { createChatCall } from './chat-call.ts'
import { loopSettings } from './loop-settings.ts'

const settings = loopSettings()
const { requestsTopic: topic, resultsTopic, inFlight } = settings
const silent = { debug() {}, info() {}, warn() {}, error() {} }
const kafka = createKafkaClient({ brokers: settings.brokers, clientId: 'kafka-loop' }, silent)
const registry = openSchemaRegistry({ url: settings.schemaRegistryUrl })
const requestType = contractType('ModelRequest')
const encode = await openRecordEncoder('ModelCompletion', 'completions', {
  registry,
  topicPrefix: resultsTopic.replace(/model\.completions$/, ''),
})
const call = createChatCall(settings.providerUrl)
const consumer = kafka.consumer({ groupId: settings.groupId, maxWaitTimeInMs: 300, allowAutoTopicCreation: false })
const producer = kafka.producer({ allowAutoTopicCreation: false })

interface Received {
  key: Buffer | null
  value: Buffer | null
}
const waiting: Received[] = []
let running = 0
let isPaused = false
let results: { key: Buffer | null; value: Buffer }[] = []
let producing = false

function pump(): void {
  while (running < inFlight && waiting.length > 0) {
    const received = waiting.shift()
    if (received !== undefined) void serve(received)
  }
  const shouldPause = waiting.length >= 2 * inFlight
  if (shouldPause === isPaused || (isPaused && waiting.length > inFlight)) return
  isPaused = shouldPause
  if (isPaused) consumer.pause([{ topic }])
  else consumer.resume([{ topic }])
}

async function serve({ key, value }: Received): Promise<void> {
  running += 1
  const request = requestType.decode(unframe(value).payload)
  const { text, usage } = await call({ model: request.model, messages: messagesOf(request) })
  running -= 1
  const inputUncachedTokens = usage.prompt_tokens
  const outputTokens = usage.completion_tokens
  const completion = encode({
    requestId: request.requestId,
    tenant: request.tenant,
    status: 'COMPLETED',
    kind: 'CHAT',
    chat: { text, refusal: null, reasoning: null, toolCalls: [] },
    finishReason: 'STOP',
    usage: { inputUncachedTokens, outputTokens },
  })
  results.push({ key, value: completion })
  void produce()
  pump()
}

function messagesOf({ input }: ModelRequest) {
  if (input.type !== 'ChatInput') throw new Error(`the loop serves chat only, not ${input.type}`)
  return input.messages.map(({ role, content }) => ({
    role: role.toLowerCase(),
    content: content.map(({ text }) => text).join(''),
  }))
}

async function produce(): Promise<void> {
  if (producing) return
  producing = true
  while (results.length > 0) {
    const messages = results
    results = []
    await producer.send({ topic: resultsTopic, acks: -1, messages })
  }
  producing = false
}

await producer.connect()
await consumer.connect()
await consumer.subscribe({ topic })
await consumer.run({
  autoCommitInterval: 1_000,
  eachBatch: async ({ batch }) => {
    // Slices of a whole fetch: copied, so that one slow record does not keep megabytes.
    for (const { key, value } of batch.messages) waiting.push({ key: copy(key), value: copy(value) })
    pump()
  },
})
process.on('SIGTERM', () => process.exit(0))

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
