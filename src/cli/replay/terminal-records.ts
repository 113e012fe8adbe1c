import type { ModelCompletion } from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { readTopics, type TopicPositions, topicBounds } from '../../events/topic-reader.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import type { KafkaSession } from '../kafka-session.ts'

/** What {@link readCompletions} reads. */
export interface ReadCompletionsOptions {
  /** Where to begin; the beginning of the topic by default. */
  from?: TopicPositions
  signal: AbortSignal
  /** Called for every terminal record that can be read. */
  onCompletion(completion: ModelCompletion): void
  onRecord?(readCount: number): void
}

/**
 * Reads the completions topic to its end as of now, and gives that end.
 * @throws CANCELLED; TOPIC_MISSING, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function readCompletions(session: KafkaSession, options: ReadCompletionsOptions): Promise<TopicPositions> {
  const topic = session.topic('completions')
  const { first, next } = await topicBounds(session.kafka, [topic])
  let recordCount = 0
  const end = await readTopics({
    kafka: session.kafka,
    topics: [topic],
    from: options.from ?? first,
    until: next,
    signal: options.signal,
    onRecord: async ({ value }) => {
      recordCount += 1
      options.onRecord?.(recordCount)
      const completion = await decodeIfReadable(session, 'ModelCompletion', value)
      if (completion !== undefined) options.onCompletion(completion)
      return undefined
    },
  })
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The reading was stopped before its end.')
  return next
}
