/**
 * Finds what a repair has to send again. The order of the looks makes a request that is finished in between look no worse
 * than it is:
 *
 *   ends of the request topics ─► committed offsets ─► completions ─► ledger ─► completions once more
 *
 * What the offsets have passed was finished before, so the ledger, read later, has its row; and what the ledger calls
 * PUBLISHED is in the completions up to an end that is read later still.
 */
import type { Pool } from 'pg'
import { requestKeyText } from '../../../delivery/request-key.ts'
import { ModelServiceError } from '../../../errors/model-service-error.ts'
import { committedOffsets } from '../../../events/committed-offsets.ts'
import { deadLetterSource } from '../../../events/dead-letter.ts'
import { readTopics, type TopicPositions, topicBounds } from '../../../events/topic-reader.ts'
import { withAdmin } from '../../../events/with-admin.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import type { ResolvedRange } from '../replay-range.ts'
import { type RequestPlace, requestsInRange } from '../requests-in-range.ts'
import { readCompletions } from '../terminal-records.ts'
import { judgeRequest, type RepairState, repairStates } from './judge-request.ts'
import { ledgerStates } from './ledger-states.ts'

/** What a plan is made from. */
export interface PlanRepairOptions {
  session: KafkaSession
  pool: Pick<Pool, 'query'>
  /** Consumer group of the workers. */
  groupId: string
  ledgerRetentionMs: number
  range: ResolvedRange
  maxRequestsCount: number
  signal: AbortSignal
  /** Unix time in ms. */
  now: number
  /** Called for every record that is read. */
  onRecord(): void
}

/** What is to be done. */
export interface RepairPlan {
  requestCount: number
  recordCount: number
  unreadableCount: number
  /** Requests without a terminal record, by what holds of them; oldest first. */
  missing: Record<RepairState, RequestPlace[]>
  /** End of the completions that were looked through: an answer to what is sent now comes behind it. */
  completionsRead: TopicPositions
}

/** Reads topics and ledger; changes nothing. @throws CANCELLED, PAYLOAD_TOO_LARGE and what the readings throw */
export async function planRepair(options: PlanRepairOptions): Promise<RepairPlan> {
  const { session, pool, groupId, range, maxRequestsCount, signal, onRecord } = options
  const committed = await withAdmin(session.kafka, (admin) => committedOffsets(admin, groupId, [...range.until.keys()]))
  const found = await requestsInRange(session, {
    ...{ range, maxRequestsCount, signal, onRecord },
    isWaiting: ({ topic, partition, offset }) => offset >= (committed.get(topic)?.get(partition) ?? 0),
  })
  const missing = new Map(found.requests.map((place) => [requestKeyText(place), place]))
  const take = (completion: { tenant: string; requestId: string }) => missing.delete(requestKeyText(completion))
  const firstEnd = await readCompletions(session, { signal, onRecord, onCompletion: take })
  const ledger = await ledgerStates(pool, [...missing.values()])
  const completionsRead = await readCompletions(session, { from: firstEnd, signal, onRecord, onCompletion: take })
  const deadLettered = missing.size === 0 ? new Set<string>() : await deadLetterSources(session, signal)
  const plan: RepairPlan = { ...found, requestCount: found.requests.length, missing: noneMissing(), completionsRead }
  for (const [key, place] of missing) {
    const state = judgeRequest({
      ledger: ledger.get(key) ?? null,
      isCommitted: !place.isWaiting,
      isDeadLettered: deadLettered.has(sourceText(place)),
      ageMs: options.now - place.timestamp,
      ledgerRetentionMs: options.ledgerRetentionMs,
    })
    plan.missing[state].push(place)
  }
  return plan
}

function noneMissing(): RepairPlan['missing'] {
  const states = Object.keys(repairStates) as RepairState[]
  return Object.fromEntries(states.map((state) => [state, []])) as unknown as RepairPlan['missing']
}

/** Places from which records went to the dead letter topic. */
async function deadLetterSources(session: KafkaSession, signal: AbortSignal): Promise<Set<string>> {
  const topic = session.topic('requestsDeadLetters')
  const { first, next } = await topicBounds(session.kafka, [topic])
  const sources = new Set<string>()
  const end = await readTopics({
    kafka: session.kafka,
    topics: [topic],
    from: first,
    until: next,
    signal,
    onRecord: ({ headers }) => {
      const source = deadLetterSource(headers)
      if (source !== null) sources.add(sourceText(source))
      return undefined
    },
  })
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The reading was stopped before its end.')
  return sources
}

function sourceText({ topic, partition, offset }: Pick<RequestPlace, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`
}
