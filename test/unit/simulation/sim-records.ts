import type { DeliveryRecords } from '../../../src/delivery/delivery-options.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { retryRecord } from '../../../src/events/retry-record.ts'
import { topics } from './world.ts'

/** Records with what the oracle reads from them, and nothing else. */
export const simRecords: DeliveryRecords = {
  ofOutcome({ completion, log }) {
    const key = Buffer.from(completion.requestId)
    const terminal: OutgoingRecord = {
      topic: topics.completions,
      key,
      headers: {
        ce_id: `terminal ${completion.requestId}`,
        status: completion.status,
        token: String(completion.token),
      },
      value: null,
    }
    const performance: OutgoingRecord = {
      topic: 'model.performance',
      key,
      headers: { ce_id: `performance ${completion.requestId}` },
      value: null,
    }
    return { records: [terminal, performance], completionValue: Buffer.alloc(0), log, problem: null }
  },
  ofRetry(job, planned) {
    const { record, tenant, requestId } = job
    const origin = { origin: job.origin ?? job.source, timestamp: record.timestamp }
    return retryRecord(record, origin, { tenant, requestId, ...planned }, '')
  },
}

/** The dead letter of a record. */
export function simDeadLetter({ topic, partition, offset, key, value }: ReceivedRecord): OutgoingRecord {
  const source = `${topic}/${partition}@${offset}`
  return { topic: topics.deadLetters, key: key ?? Buffer.alloc(0), headers: { source }, value }
}
