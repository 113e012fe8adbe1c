import type { Kafka } from 'kafkajs'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { readTopics, topicBounds } from '../events/topic-reader.ts'

/** Which answer to wait for, and how to ask. */
export interface AwaitRecordOptions<T> {
  kafka: Kafka
  /** Topic on which the answer comes. */
  topic: string
  /** How long to wait for the answer once asked, in ms. */
  timeoutMs: number
  /** The user's wish to stop. */
  signal: AbortSignal
  /** Produces the question. */
  ask(): Promise<void>
  /** The answer in a record, or undefined when it is another one's. */
  match(record: ReceivedRecord): Promise<T | undefined>
  /** Completes "No … within n ms". */
  what: string
}

/**
 * Asks, and waits for the answer. The end of the topic is remembered before asking, so an answer is never missed however
 * quickly it comes.
 * @throws REQUEST_TIMEOUT, CANCELLED when the user stopped the waiting, TOPIC_MISSING, BROKER_UNAVAILABLE
 */
export async function awaitRecord<T>(options: AwaitRecordOptions<T>): Promise<T> {
  const { next } = await topicBounds(options.kafka, [options.topic])
  await options.ask()
  let answer: T | undefined
  await readTopics({
    kafka: options.kafka,
    topics: [options.topic],
    from: next,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
    onRecord: async (record) => {
      answer = await options.match(record)
      return answer === undefined ? undefined : 'stop'
    },
  })
  if (answer !== undefined) return answer
  if (options.signal.aborted) {
    throw new ModelServiceError('CANCELLED', `Stopped waiting for ${options.what}; what was sent stays sent.`)
  }
  throw new ModelServiceError(
    'REQUEST_TIMEOUT',
    `No ${options.what} within ${options.timeoutMs} ms. What was sent stays sent: look whether a worker runs, and tail the topic ${options.topic}.`,
  )
}
