/** Completions on their way out: the record for their topic, and the copy for who asked for one. */
import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { noOutput } from '../contract/no-output.ts'
import { topicName } from '../contract/topics.ts'
import type { ModelCompletion } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { cloudEventHeaders, eventId, passedOnHeaders } from './cloud-events.ts'
import { recordBytes } from './record-bytes.ts'

/** What the records are made with. */
export interface CompletionRecordsOptions {
  encode: PublishedEncoders['ModelCompletion']
  topicPrefix: string
  /** Topics to which a copy may be sent, by their full names. They must exist: a missing one fails the transaction. */
  replyTopics: ReadonlySet<string>
  /**
   * Largest reply in bytes; default 960 KiB, which fits topics with Kafka's own default of 1 MiB. A larger reply comes without its
   * output and with the warning OUTPUT_OMITTED: a reply that its topic refuses would fail the whole transaction. The reply topic of
   * the contract takes what the completion topic takes, so its replies come whole.
   */
  maxReplyBytes?: number
}

/** Makes the records of completions. `source` is the record of the request: its key and trace go with them. */
export interface CompletionRecords {
  /** For the completion topic. @throws INVALID_REQUEST when it cannot be encoded */
  published(completion: ModelCompletion, source: ReceivedRecord): OutgoingRecord
  /**
   * For the topic that `source` names for its reply; null when it names none, or none that is allowed. `whole`: the record for the
   * completion topic, where it is made already.
   */
  reply(completion: ModelCompletion, source: ReceivedRecord, whole?: OutgoingRecord): OutgoingRecord | null
}

/** Code of the warning in a reply that lacks its output. */
export const outputOmitted = 'OUTPUT_OMITTED'

const statusTypes: Record<ModelCompletion['status'], string> = {
  UNSPECIFIED: 'model.request.failed',
  COMPLETED: 'model.request.completed',
  FAILED: 'model.request.failed',
  EXPIRED: 'model.request.expired',
  CANCELLED: 'model.request.cancelled',
  REJECTED: 'model.request.rejected',
}

/** See {@link CompletionRecords}. */
export function createCompletionRecords(options: CompletionRecordsOptions): CompletionRecords {
  const { encode, topicPrefix, replyTopics, maxReplyBytes = 960 * 1024 } = options
  const completions = topicName('completions', topicPrefix)
  const ownReplies = topicName('replies', topicPrefix)

  function published(completion: ModelCompletion, source: ReceivedRecord): OutgoingRecord {
    const { tenant, requestId, status, timings } = completion
    const key = source.key !== null && source.key.length > 0 ? source.key : Buffer.from(requestId)
    const headers = {
      ...cloudEventHeaders({
        id: eventId(tenant, requestId, 'ModelCompletion', 0),
        type: statusTypes[status],
        subject: requestId,
        timeMs: timings.finishedAt ?? source.timestamp,
      }),
      ...passedOnHeaders(source.headers),
    }
    return { topic: completions, key, headers, value: encode(completion) }
  }

  return {
    published,
    reply(completion, source, whole) {
      const topic = source.headers['reply-topic']
      if (topic === undefined || !replyTopics.has(topic)) return null
      const copy = whole ?? published(completion, source)
      const fits = topic === ownReplies || recordBytes(copy) <= maxReplyBytes
      return { ...(fits ? copy : published(withoutOutput(completion), source)), topic }
    },
  }
}

/** The completion without its output; the status stays true. */
function withoutOutput(completion: ModelCompletion): ModelCompletion {
  const message = 'The output is too large for a reply; read it in the completions topic.'
  const warnings = [{ code: outputOmitted, message }]
  const attempts = completion.attempts.map((attempt) => ({ ...attempt, error: null }))
  return { ...completion, ...noOutput, metadata: {}, attempts, warnings }
}
