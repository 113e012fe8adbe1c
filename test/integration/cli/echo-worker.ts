import type { Consumer, IHeaders, KafkaMessage, Producer } from 'kafkajs'
import { openKafkaSession } from '../../../src/cli/kafka-session.ts'
import { openRecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import { schemaRegistryConnection } from '../../../src/config/connections.ts'
import type { Settings } from '../../../src/config/settings-schema.ts'
import { topicName } from '../../../src/contract/topics.ts'
import type { CommandResultDraft, ModelCompletionDraft } from '../../../src/contract/types.ts'
import { createKafkaClient } from '../../../src/events/kafka-client.ts'

/** Publishes what a worker would, as the tests of the command line want it. */
export interface EchoWorker {
  stop(): Promise<void>
}

/**
 * Stands in for a worker: answers every request with its prompt (a prompt that begins with "fail" fails), and every
 * command with APPLIED (one about a model named "taken" is rejected).
 */
export async function startEchoWorker(settings: Pick<Settings, 'kafka' | 'schemaRegistry'>): Promise<EchoWorker> {
  const { brokers, topicPrefix } = settings.kafka
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const kafka = createKafkaClient({ brokers, clientId: 'echo' }, silent)
  const session = openKafkaSession(kafka, settings)
  const registry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))
  const options = { registry, topicPrefix }
  const encodeCompletion = await openRecordEncoder('ModelCompletion', 'completions', options)
  const encodeResult = await openRecordEncoder('CommandResult', 'commandResults', options)
  const transactional: Producer = kafka.producer({
    transactionalId: `${topicPrefix}echo`,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  const plain = kafka.producer({ allowAutoTopicCreation: false })
  const consumer: Consumer = kafka.consumer({ groupId: `${topicPrefix}echo`, maxWaitTimeInMs: 100 })
  await Promise.all([transactional.connect(), plain.connect(), consumer.connect()])

  async function complete(
    key: string,
    completion: ModelCompletionDraft,
    { 'reply-topic': replyTopic, 'correlation-id': correlationId }: IHeaders,
  ): Promise<void> {
    const transaction = await transactional.transaction()
    const value = encodeCompletion(completion)
    await transaction.send({ topic: topicName('completions', topicPrefix), messages: [{ key, value }] })
    if (replyTopic !== undefined) {
      const headers = { 'correlation-id': String(correlationId) }
      await transaction.send({ topic: String(replyTopic), messages: [{ key, value, headers }] })
    }
    await transaction.commit()
  }

  async function answerRequest({ key, value, headers = {} }: KafkaMessage): Promise<void> {
    const request = await session.decode('ModelRequest', value).catch(() => undefined)
    if (request?.input.type !== 'CompletionInput') return
    const { requestId, tenant, model } = request
    const { prompt } = request.input
    const failed = prompt.startsWith('fail')
    const completion: ModelCompletionDraft = {
      requestId,
      tenant,
      model,
      kind: 'COMPLETION',
      status: failed ? 'FAILED' : 'COMPLETED',
      completion: failed ? null : { text: prompt },
      error: failed ? { code: 'PROVIDER_ERROR', message: 'as asked for' } : null,
    }
    await complete(String(key), completion, headers)
  }

  async function answerCommand({ value, headers = {} }: KafkaMessage): Promise<void> {
    const { commandId, command } = await session.decode('ModelCommand', value)
    const id = command.type === 'RegisterModel' ? command.model.id : 'other'
    const rejected = id === 'taken'
    const result: CommandResultDraft = {
      commandId,
      command: command.type,
      status: rejected ? 'REJECTED' : 'APPLIED',
      entityKind: 'MODEL',
      entityId: id,
      error: rejected ? { code: 'MODEL_ALREADY_EXISTS', message: 'it is taken' } : null,
      occurredAt: Date.now(),
    }
    const passedOn = { 'correlation-id': String(headers['correlation-id']) }
    const messages = [{ key: commandId, value: encodeResult(result), headers: passedOn }]
    await plain.send({ topic: topicName('commandResults', topicPrefix), messages })
  }

  const commands = topicName('commands', topicPrefix)
  await consumer.subscribe({ topics: [topicName('requests', topicPrefix), commands], fromBeginning: true })
  await consumer.run({
    eachMessage: ({ topic, message }) => (topic === commands ? answerCommand(message) : answerRequest(message)),
  })

  return {
    async stop() {
      await Promise.all([consumer.disconnect(), transactional.disconnect(), plain.disconnect()])
      await Promise.all([session.close(), registry.close()])
    },
  }
}
