import type { Kafka } from 'kafkajs'
import { requestKeyText } from '../../../delivery/request-key.ts'
import { brokerError } from '../../../events/broker-error.ts'
import { readTopics, type TopicPositions } from '../../../events/topic-reader.ts'
import { decodeIfReadable } from '../../decode-if-readable.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { type RequestPlace, recordsAt } from '../requests-in-range.ts'

/**
 * Sends the records of these requests to their topics again: the same bytes, key and headers, in the same partition. Gives
 * those that were sent; the records of others are no longer there. Ends early when the signal is aborted.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE some may have been sent; repeating all does no harm
 */
export async function sendAgain(
  kafka: Kafka,
  places: readonly RequestPlace[],
  options: { signal: AbortSignal; onSent(sentCount: number): void },
): Promise<RequestPlace[]> {
  const sent: RequestPlace[] = []
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 5 } })
  try {
    await producer.connect()
    for await (const { place, record, headers } of recordsAt(kafka, places, options)) {
      if (options.signal.aborted) break
      const { topic, partition, key, value } = record
      await producer.send({ topic, acks: -1, messages: [{ key, value, headers, partition }] })
      sent.push(place)
      options.onSent(sent.length)
    }
    return sent
  } catch (error) {
    throw brokerError(error)
  } finally {
    await producer.disconnect().catch(() => {})
  }
}

/** What is waited for. */
export interface AwaitTerminalsOptions {
  /** Requests that were sent. */
  places: readonly RequestPlace[]
  /** Where in the completions their records can come at the earliest. */
  from: TopicPositions
  timeoutMs: number
  signal: AbortSignal
  onTerminal(doneCount: number): void
}

/** Waits until each of the requests has a terminal record; gives those that have none when the time is over. */
export async function awaitTerminals(session: KafkaSession, options: AwaitTerminalsOptions): Promise<RequestPlace[]> {
  const left = new Map(options.places.map((place) => [requestKeyText(place), place]))
  if (left.size === 0) return []
  await readTopics({
    kafka: session.kafka,
    topics: [session.topic('completions')],
    from: options.from,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
    onRecord: async ({ value }) => {
      const completion = await decodeIfReadable(session, 'ModelCompletion', value)
      if (completion !== undefined && left.delete(requestKeyText(completion))) {
        options.onTerminal(options.places.length - left.size)
      }
      return left.size === 0 ? 'stop' : undefined
    },
  })
  return [...left.values()]
}
