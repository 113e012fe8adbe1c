import type { Admin } from 'kafkajs'
import { committedOffsets } from '../../events/committed-offsets.ts'
import { readTopics, type TopicPositions, topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import { withAdmin } from '../../events/with-admin.ts'
import type { RecordDecoders, RecordReader } from '../../replay/replay-ports.ts'
import type { KafkaSession } from '../kafka-session.ts'

/** The topics of a session, for the modes that only account for what is there. */
export function kafkaRecordReader({ kafka, groupId }: KafkaSession): RecordReader {
  return {
    bounds: (topics) => topicBounds(kafka, topics),
    offsetsAt: (topics, timeMs) => topicOffsetsAt(kafka, topics, timeMs),
    read: (options) => readTopics({ ...options, kafka }),
    finished: (topics) => withAdmin(kafka, (admin) => finishedOffsets(admin, groupId, topics)),
  }
}

/** Who may read the topics need not be allowed to look at the group: then nothing is known of it. */
async function finishedOffsets(admin: Admin, groupId: string, topics: readonly string[]): Promise<TopicPositions> {
  try {
    return await committedOffsets(admin, groupId, topics)
  } catch (error) {
    const isForbidden = error instanceof Error && 'type' in error && error.type === 'GROUP_AUTHORIZATION_FAILED'
    if (isForbidden) return new Map()
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
