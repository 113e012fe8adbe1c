/**
 * The topic that takes the terminal records of reruns.
 *
 * One record for each request of a run, through crashes: who writes has a transactional id of the run, so that opening it shuts
 * out a writer before it and ends what that left open. Only then the topic is read to its end, its true one, and what
 * is there is not called again. A run that is killed has paid the calls that it had under way, and those alone are paid again.
 */
// The library is CommonJS, and Node finds no name for what its index exports from there on.
import kafkajs, { type Kafka } from 'kafkajs'
import type { PublishedEncoders } from '../../../codec/record-encoder.ts'
import { maxMessageBytes } from '../../../contract/topics.ts'
import type { ModelCompletion } from '../../../contract/types.ts'
import { MicroBatcher } from '../../../delivery/micro-batcher.ts'
import { type OutgoingRecord, PublishFailure } from '../../../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../../delivery/received-record.ts'
import { pause, systemTimers } from '../../../delivery/timers.ts'
import { ModelServiceError } from '../../../errors/model-service-error.ts'
import { eventId } from '../../../events/cloud-events.ts'
import { readLogEnds } from '../../../events/log-ends.ts'
import { createOutcomeRecords } from '../../../events/outcome-records.ts'
import { recordBytes } from '../../../events/record-bytes.ts'
import { untilLed } from '../../../events/topic-admin.ts'
import { readTopics, type TopicPositions } from '../../../events/topic-reader.ts'
import { TransactionalPublisher } from '../../../events/transactional-publisher.ts'
import { withAdmin } from '../../../events/with-admin.ts'
import type { Outcome } from '../../../model-service/ports/outcome.ts'
import { decodeIfReadable } from '../../decode-if-readable.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { UsageError } from '../../usage-error.ts'

/** Header with the id of the run. */
export const runIdHeader = 'rerun-run-id'
/** Header with the id that the request had the first time. */
export const rerunOfHeader = 'rerun-of'

/** What a rerun asks of its topic. */
export interface ShadowTopicOptions {
  session: KafkaSession
  topic: string
  runId: string
}

/**
 * Gives the largest record that the topic takes, or null where it is missing.
 * @throws UsageError when it is compacted: records of one key would be taken for one another
 * @throws BROKER_UNAVAILABLE
 */
export async function lookAtShadowTopic(kafka: Kafka, topic: string): Promise<{ maxRecordBytes: number } | null> {
  return await withAdmin(kafka, async (admin) => {
    if (!(await admin.listTopics()).includes(topic)) return null
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }]
    const { resources: described } = await admin.describeConfigs({ includeSynonyms: false, resources })
    const settings = new Map(described[0]?.configEntries.map((entry) => [entry.configName, entry.configValue]))
    if (settings.get('cleanup.policy')?.includes('compact')) {
      throw new UsageError(
        `--shadow-topic ${topic} is compacted: expected cleanup.policy=delete, as requests may share a key.`,
      )
    }
    const taken = Math.min(maxMessageBytes, Number(settings.get('max.message.bytes') ?? maxMessageBytes))
    // The batch around a record takes some, too; what is larger ends PAYLOAD_TOO_LARGE with its cost.
    return { maxRecordBytes: Math.max(1_024, taken - 64 * 1024) }
  })
}

/** Creates the topic like that of the completions, but keeping its records for ever. @throws BROKER_UNAVAILABLE */
export async function createShadowTopic(
  { kafka, topic: nameOf }: Pick<KafkaSession, 'kafka' | 'topic'>,
  topic: string,
): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    const completions = await admin.fetchTopicMetadata({ topics: [nameOf('completions')] })
    const configEntries = [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: '-1' },
      { name: 'max.message.bytes', value: String(maxMessageBytes) },
    ]
    const numPartitions = completions.topics[0]?.partitions.length ?? 1
    await admin.createTopics({
      // kafkajs waits for leaders only until a broker does not know the topic yet, and fails then.
      waitForLeaders: false,
      topics: [{ topic, numPartitions, replicationFactor: -1, configEntries }],
    })
    await untilLed(admin, [topic])
    await untilReadable(kafka, topic)
  })
}

/** A leader may be named before it knows of it. */
async function untilReadable(kafka: Kafka, topic: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await readLogEnds(kafka, [topic])
      return
    } catch (error) {
      if (tries === 50) throw error
      await pause(systemTimers, 100)
    }
  }
}

/** Reads the topic; each reading begins where the one before has ended. */
export class ShadowReader {
  readonly #options: ShadowTopicOptions
  #position: TopicPositions | undefined

  constructor(options: ShadowTopicOptions) {
    this.#options = options
  }

  /**
   * Hands over the records of the run up to the true end of the topic, waiting for transactions of others that are still open.
   * @throws CANCELLED, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
   */
  async readOn(signal: AbortSignal, onCompletion: (completion: ModelCompletion) => void): Promise<void> {
    const { session, topic, runId } = this.#options
    const ends = await readLogEnds(session.kafka, [topic])
    const positions = (of: 'first' | 'next'): TopicPositions =>
      new Map([[topic, new Map(ends.map((end) => [end.partition, Number(end[of])]))]])
    const until = positions('next')
    const end = await readTopics({
      kafka: session.kafka,
      topics: [topic],
      from: this.#position ?? positions('first'),
      until,
      signal,
      stallTimeoutMs: 60_000,
      onRecord: async ({ value, headers }) => {
        if (headers[runIdHeader] !== runId) return undefined
        const completion = await decodeIfReadable(session, 'ModelCompletion', value)
        if (completion !== undefined) onCompletion(completion)
        return undefined
      },
    })
    if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The reading was stopped before its end.')
    this.#position = until
  }
}

/** Writes outcomes to the topic, many in one transaction. */
export interface ShadowWriter {
  /** Resolves when it is committed. @throws BROKER_UNAVAILABLE: nothing more can be written then; start the run again */
  write(outcome: Outcome, source: ReceivedRecord, originalId: string): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the only writer of a run: any other loses its right to write. Read the topic afterwards.
 * @throws BROKER_UNAVAILABLE
 */
export async function openShadowWriter(
  { session, topic, runId }: ShadowTopicOptions,
  { groupId, encoders, maxRecordBytes }: { groupId: string; encoders: PublishedEncoders; maxRecordBytes?: number },
): Promise<ShadowWriter> {
  const publisher = new TransactionalPublisher({
    kafka: session.kafka,
    transactionalId: `${groupId}-rerun-${eventId('rerun', topic, runId)}`,
  })
  await publisher.open().catch(async (error: unknown) => {
    await publisher.close().catch(() => {})
    throw error
  })
  const toRecords = createOutcomeRecords({
    encoders,
    topicPrefix: '',
    replyTopics: new Set(),
    areBodiesKept: () => false,
    ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }),
  })
  const batches = new MicroBatcher<OutgoingRecord, undefined>({
    run: async (records) => {
      await publisher.publish(records).catch(explain)
      return records.map(() => undefined)
    },
    maxCount: 200,
    maxBytes: maxMessageBytes,
    bytesOf: recordBytes,
    lingerMs: 5,
  })
  return {
    async write(outcome, source, originalId) {
      const [record] = toRecords(outcome, source).records
      if (record === undefined) return
      const headers = { ...record.headers, [runIdHeader]: runId, [rerunOfHeader]: originalId }
      await batches.add({ ...record, topic, headers })
    },
    async close() {
      await batches.idle()
      await publisher.close()
    },
  }

  function explain(error: unknown): never {
    if (!(error instanceof PublishFailure)) throw error
    const message =
      error.reason === 'fenced'
        ? `Another process has taken over the run ${runId}: this one ends. What it has written stays.`
        : `${error.message} The same command goes on where it was: what is in ${topic} is not called again.`
    throw new ModelServiceError('BROKER_UNAVAILABLE', message, { cause: error })
  }
}
