import { isId } from '../../contract/limits.ts'
import type { RequestTopic } from '../../contract/request-topic.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { readTopics, topicBounds } from '../../events/topic-reader.ts'
import type { KafkaSession } from '../kafka-session.ts'
import { type AuditReport, RequestAudit } from './audit.ts'
import { type ReplayRange, resolveRange } from './replay-range.ts'

/** What limits and accompanies an audit. */
export interface AuditTopicsOptions {
  requestTopics: readonly RequestTopic[]
  /** Which of their records are audited. */
  range: ReplayRange
  maxRequestsCount: number
  signal: AbortSignal
  /** Called every 100,000 records. */
  onProgress(recordCount: number): void
}

const progressEvery = 100_000

/**
 * Audits the request topics against the completion and dead letter topics, from their start to their ends. The ends of the
 * request topics are read first: a completion that comes in between then belongs to no gap.
 * @throws CANCELLED when the signal ends it; TOPIC_MISSING, BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE, PAYLOAD_TOO_LARGE
 */
export async function auditTopics(session: KafkaSession, options: AuditTopicsOptions): Promise<AuditReport> {
  const audit = new RequestAudit(options.maxRequestsCount)
  const requests = new Map(options.requestTopics.map((topic) => [topic.name, topic]))
  const completions = session.topic('completions')
  const deadLetters = session.topic('requestsDeadLetters')
  const requestRange = await resolveRange(session.kafka, [...requests.keys()], options.range)
  const otherBounds = await topicBounds(session.kafka, [completions, deadLetters])
  let recordCount = 0
  const end = await readTopics({
    kafka: session.kafka,
    topics: [...requests.keys(), completions, deadLetters],
    from: new Map([...requestRange.from, ...otherBounds.first]),
    until: new Map([...requestRange.until, ...otherBounds.next]),
    signal: options.signal,
    onRecord: async (record) => {
      recordCount += 1
      if (recordCount % progressEvery === 0) options.onProgress(recordCount)
      const requestTopic = requests.get(record.topic)
      if (requestTopic !== undefined) await addRequest(audit, record, { session, tenant: requestTopic.tenant })
      else if (record.topic === completions) await addTerminal(audit, record, session)
      else addDeadLetter(audit, record)
      return undefined
    },
  })
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The audit was stopped before its end.')
  return audit.report()
}

/**
 * A record that no worker can take for a request has no terminal record; its dead letter stands for it. In a topic that is
 * bound to a tenant every request ends under that one, also when it names another and is rejected for it.
 */
async function addRequest(
  audit: RequestAudit,
  record: ReceivedRecord,
  { session, tenant: bound }: { session: KafkaSession; tenant: string | null },
): Promise<void> {
  try {
    const { tenant, requestId } = await session.decode('ModelRequest', record.value)
    if (isId(tenant) && isId(requestId)) audit.addRequest(bound ?? tenant, requestId)
    else audit.addUnreadable(record)
  } catch (error) {
    const isUnreadable =
      error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
    if (!isUnreadable) throw error
    audit.addUnreadable(record)
  }
}

async function addTerminal(audit: RequestAudit, record: ReceivedRecord, session: KafkaSession): Promise<void> {
  const { tenant, requestId } = await session.decode('ModelCompletion', record.value)
  audit.addTerminal(tenant, requestId)
}

function addDeadLetter(audit: RequestAudit, { headers }: ReceivedRecord): void {
  const topic = headers['dlt-source-topic']
  const partition = Number(headers['dlt-source-partition'])
  const offset = Number(headers['dlt-source-offset'])
  if (topic !== undefined) audit.addDeadLetter({ topic, partition, offset })
}
