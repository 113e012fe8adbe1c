import type { Admin } from 'kafkajs'
import { brokerError, readTopics, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import type { RecordDecoders, RecordReader } from '../../replay/replay-ports.ts'
import type { KafkaSession } from '../kafka-session.ts'

/** Longest time without anything read, in ms: behind it is a transaction that nobody ends. */
const stallTimeoutMs = 120_000

/** The topics of a session, for the modes that only account for what is there. */
export function kafkaRecordReader({ kafka, groupId }: KafkaSession): RecordReader {
  return {
    bounds: (topics) => topicBounds(kafka, topics),
    offsetsAt: (topics, timeMs) => topicOffsetsAt(kafka, topics, timeMs),
    read: (options) => readTopics({ ...options, kafka, stallTimeoutMs }),

    async finished(topics) {
      const admin = kafka.admin()
      try {
        await admin.connect()
        const groups = await fetchOffsets(admin, groupId, topics)
        return new Map(
          groups.map(({ topic, partitions }) => {
            const known = partitions.map(({ partition, offset }) => [partition, Number(offset)] as const)
            return [topic, new Map(known.filter(([, offset]) => offset >= 0))]
          }),
        )
      } catch (error) {
        throw brokerError(error)
      } finally {
        await admin.disconnect().catch(() => {})
      }
    },
  }
}

/** Who may read the topics need not be allowed to look at the group: then nothing is known of it. */
async function fetchOffsets(admin: Admin, groupId: string, topics: readonly string[]) {
  try {
    return await admin.fetchOffsets({ groupId, topics: [...topics] })
  } catch (error) {
    const isForbidden = error instanceof Error && 'type' in error && error.type === 'GROUP_AUTHORIZATION_FAILED'
    if (isForbidden) return []
    throw error
  }
}

/** The decoders of a session. */
export function sessionDecoders(session: KafkaSession): RecordDecoders {
  const request = session.decoder('ModelRequest')
  const completion = session.decoder('ModelCompletion')
  const event = session.decoder('PerformanceEvent')
  return {
    request: (value) => request.decode(value),
    completion: (value) => completion.decode(value),
    event: (value) => event.decode(value),
    writerSchema: (schemaId) => session.writerSchema(schemaId),
  }
}
