import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { Kafka } from 'kafkajs'

const brokers = process.env.KAFKA_BROKERS ?? '127.0.0.1:9092'
const registry = new SchemaRegistry({ host: process.env.SCHEMA_REGISTRY_URL ?? 'http://127.0.0.1:8081' })
const schemaId = await registry.getLatestSchemaId('model.requests-value')
const requestId = crypto.randomUUID()
const value = await registry.encode(schemaId, {
  requestId,
  tenant: 'acme',
  model: 'quickstart-chat',
  input: {
    'io.modelservice.ChatInput': {
      messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'What is the capital of France?' }] }],
    },
  },
})

const producer = new Kafka({ brokers: brokers.split(',') }).producer({ allowAutoTopicCreation: false })
await producer.connect()
await producer.send({ topic: 'model.requests', messages: [{ key: requestId, value }] })
await producer.disconnect()
console.log(`sent ${requestId}: its completion comes on model.completions`)
