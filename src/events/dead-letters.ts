import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Log } from '../model-service/ports/log.ts'
import { deadLetterRecord, isShortDeadLetter, shortDeadLetter } from './dead-letter.ts'

/** What {@link createDeadLetters} is given. */
export interface DeadLettersOptions {
  /** As `PlainPublisher.publish`. */
  publish(records: readonly OutgoingRecord[]): Promise<RefusedRecord[]>
  topicPrefix: string
  /** Hears of each dead letter that is published; must not throw. */
  onPublished?(source: { topic: string }, code: string): void
  log: Log
}

/**
 * Takes records to the dead letter topics. One that its topic refuses goes there without the bytes of its record, so that it is
 * still told of and nothing waits for it; the log has its coordinates. Where even that is refused the topic itself is wrong,
 * which is waited for like a broker that is away (rule 24 of docs/delivery.md).
 */
export function createDeadLetters(options: DeadLettersOptions): {
  /** Resolves when the record is published, whole or shortened. @throws BROKER_UNAVAILABLE try again */
  deadLetter(source: ReceivedRecord, error: ModelServiceError): Promise<void>
} {
  const { publish, topicPrefix, onPublished, log } = options

  return {
    async deadLetter(source, error) {
      let letter = deadLetterRecord(source, error, topicPrefix)
      let [refused] = await publish([letter])
      if (refused?.why === 'record' && !isShortDeadLetter(letter)) {
        letter = shortDeadLetter(letter)
        refused = (await publish([letter]))[0]
      }
      if (refused !== undefined) {
        throw new ModelServiceError(
          'BROKER_UNAVAILABLE',
          `The topic ${letter.topic} takes no dead letters, not even without the bytes of their records: expected it to exist, ` +
            'with the rights to write and a max.message.bytes as "model-service topics apply" sets it. It is tried again.',
        )
      }
      if (isShortDeadLetter(letter)) {
        log.error(
          { ...letter.headers, topic: letter.topic },
          'A dead letter is larger than its topic takes; it was published without the bytes of its record',
        )
      }
      onPublished?.(source, error.code)
    },
  }
}
