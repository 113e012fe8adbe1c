/**
 * The part of the composition root that fits the consumers together: commands, requests, and the retries of requests. Each is a
 * consumer group of its own, so that the rebalances of one are nobody else's.
 */
import type { Kafka } from 'kafkajs'
import { payloadHash } from './codec/payload-hash.ts'
import { createRecordDecoder, type RecordDecoderOptions } from './codec/record-decoder.ts'
import type { Settings } from './config/settings-schema.ts'
import { CommandConsumer } from './consumers/command-consumer.ts'
import { createKafkaIntake } from './consumers/kafka-intake.ts'
import type { IntakeListener } from './consumers/record-intake.ts'
import { RequestConsumer, type RequestConsumerOptions } from './consumers/request-consumer.ts'
import type { RequestTopic } from './contract/request-topic.ts'
import { systemTimers } from './delivery/timers.ts'
import { parseRetryRecord } from './events/retry-record.ts'
import { type ReadingGroup, workerGroups } from './events/worker-groups.ts'
import type { CommandBus, Log } from './model-service/index.ts'

/** What the consumers are built from. */
export interface WorkerConsumersParts
  extends Pick<RequestConsumerOptions, 'delivery' | 'deadLetters' | 'replies' | 'service' | 'onFatal'> {
  kafka: Kafka
  /** Knows the schemas that records were written with. */
  schemaRegistry: RecordDecoderOptions<'ModelRequest'>['writerTypes']
  /** Takes the commands. */
  commandBus: Pick<CommandBus, 'send'>
  /** By their full names. */
  requestTopics: readonly RequestTopic[]
  onChunk: NonNullable<RequestConsumerOptions['onChunk']>
  log: Log
}

/** Builds them; nothing is read before their `start`. */
export function createWorkerConsumers(
  settings: Settings,
  parts: WorkerConsumersParts,
): { commands: CommandConsumer; requests: RequestConsumer } {
  const { kafka, schemaRegistry, commandBus, delivery, deadLetters, replies, service, requestTopics, onChunk } = parts
  const { onFatal, log } = parts
  const { sessionTimeoutMs } = settings.kafka
  const groups = workerGroups(settings.kafka)
  const { commitIntervalMs, maxConcurrentRequestsCount, ...intakeLimits } = settings.intake
  const intake = (group: ReadingGroup, listener: IntakeListener) =>
    createKafkaIntake({ ...listener, ...group, kafka, settings: { sessionTimeoutMs, commitIntervalMs }, log })
  const decoderOptions = { writerTypes: schemaRegistry, timers: systemTimers }

  const commands = new CommandConsumer({
    createIntake: (listener) => intake(groups.commands, listener),
    decoder: createRecordDecoder({ name: 'ModelCommand', ...decoderOptions }),
    commandBus,
    deadLetters,
    onFatal,
    log,
  })
  const requests = new RequestConsumer({
    createIntake: (listener) => intake(groups.requests, listener),
    topics: requestTopics,
    retries: {
      topics: groups.retries.topics,
      createIntake: (listener) => intake(groups.retries, listener),
      isRetry: (topic) => groups.retries.topics.includes(topic),
      parse: parseRetryRecord,
    },
    decoder: createRecordDecoder({ name: 'ModelRequest', ...decoderOptions }),
    delivery,
    deadLetters,
    ...(replies !== undefined && { replies }),
    service,
    payloadHash,
    onChunk,
    onFatal,
    drainTimeoutMs: settings.delivery.drainTimeoutMs,
    settings: { maxConcurrentRequests: maxConcurrentRequestsCount, ...intakeLimits },
    log,
  })
  return { commands, requests }
}
