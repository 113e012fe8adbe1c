import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { topicName } from '../contract/topics.ts'
import type { PerformanceEventDraft } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { cloudEventHeaders, eventId } from './cloud-events.ts'

/** Makes the record of an event of feedback, for the outbox; `topicPrefix` stands before the topic's name. */
export function createFeedbackRecords(
  encoders: Pick<PublishedEncoders, 'PerformanceEvent'>,
  topicPrefix: string,
): (event: PerformanceEventDraft, commandId: string) => OutgoingRecord {
  return (event, commandId) => {
    const { requestId = '', model, occurredAt = 0 } = event
    return {
      topic: topicName('performance', topicPrefix),
      key: Buffer.from(model ?? requestId),
      headers: cloudEventHeaders({
        id: eventId('Feedback', commandId),
        type: 'model.feedback.received',
        subject: requestId,
        timeMs: occurredAt,
      }),
      value: encoders.PerformanceEvent(event),
    }
  }
}
