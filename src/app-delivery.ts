/**
 * The part of the composition root that fits delivery together: incarnations over PostgreSQL and Kafka, recovery of those that
 * have ended, and the sweep that looks for them. In the mode at-least-once the ledger is in memory, and no request costs a statement.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Kafka } from 'kafkajs'
import type { Pool } from 'pg'
import { createRecordDecoder, type RecordDecoderOptions } from './codec/record-decoder.ts'
import type { PublishedEncoders } from './codec/record-encoder.ts'
import type { Settings } from './config/settings-schema.ts'
import type { BodyKeeping } from './contract/body-keeping.ts'
import { topicName, topics } from './contract/topics.ts'
import { type DeliveryObserver, guardedObserver } from './delivery/delivery-observer.ts'
import type { DeliveryRecords } from './delivery/delivery-options.ts'
import { type LedgerSeat, openIncarnation } from './delivery/incarnation.ts'
import { Incarnations } from './delivery/incarnations.ts'
import { MemoryLedgerStore } from './delivery/memory-ledger.ts'
import type { OutgoingRecord } from './delivery/outgoing-record.ts'
import { findEndedRequest } from './delivery/postgres-ended-requests.ts'
import { PostgresLedger } from './delivery/postgres-ledger.ts'
import { PostgresLease } from './delivery/postgres-ledger-lease.ts'
import { forgetDeadWorkers } from './delivery/postgres-ledger-retention.ts'
import { PostgresRecoveryLedger } from './delivery/postgres-recovery-ledger.ts'
import { recover } from './delivery/recovery.ts'
import type { RecoveryLedger, ScanPosition } from './delivery/recovery-ledger.ts'
import { RecoverySweep } from './delivery/recovery-sweep.ts'
import { RefusedTopics } from './delivery/refused-topics.ts'
import { noSteps, type Steps } from './delivery/steps.ts'
import { systemTimers } from './delivery/timers.ts'
import { createCompletionRecords } from './events/completion-records.ts'
import { shortDeadLetter } from './events/dead-letter.ts'
import { createKafkaCompletionsLog } from './events/kafka-completions-log.ts'
import { createLaterReplies, type LaterReplies } from './events/later-replies.ts'
import { createOutcomeRecords } from './events/outcome-records.ts'
import type { PlainPublisher } from './events/plain-publisher.ts'
import { recordBytes } from './events/record-bytes.ts'
import { retryRecord } from './events/retry-record.ts'
import { TransactionalPublisher } from './events/transactional-publisher.ts'
import type { Log } from './model-service/ports/log.ts'

/** What delivery is built from. */
export interface WorkerDeliveryParts {
  kafka: Kafka
  pool: Pool
  records: DeliveryRecords
  observer: DeliveryObserver
  /** Version of this software, noted beside the lease. */
  version: string
  steps: Steps
  log: Log
}

/** Delivery of one worker; `incarnations.start()` begins it, then `sweep.start()`. */
export interface WorkerDelivery {
  incarnations: Incarnations
  sweep: RecoverySweep
  /** Deletes the lease rows of those that are dead for long. */
  forgetDead(): Promise<void>
}

/** Builds it; nothing is opened yet. */
export function createWorkerDelivery(settings: Settings, parts: WorkerDeliveryParts): WorkerDelivery {
  const { kafka, records, steps, log } = parts
  const { topicPrefix, groupId } = settings.kafka
  const { leaseMs, transactionTimeoutMs, recoveryIntervalMs } = settings.delivery
  const observer = guardedObserver(parts.observer)
  const completions = createKafkaCompletionsLog({
    kafka,
    topicPrefix,
    // The broker looks for transactions past their time-out every 10 s.
    stallTimeoutMs: transactionTimeoutMs + 30_000,
  })
  const seats = settings.delivery.mode === 'ledger' ? postgresSeats(settings, parts) : memorySeats()
  const ownTopics = new Set(Object.keys(topics).map((role) => topicName(role as keyof typeof topics, topicPrefix)))
  ownTopics.delete(topicName('replies', topicPrefix))
  const deadLetterTopic = topicName('requestsDeadLetters', topicPrefix)

  const refused = new RefusedTopics()
  const writable: DeliveryRecords = {
    ...records,
    ofOutcome(outcome, source) {
      const made = records.ofOutcome(outcome, source)
      const fitting = made.records.map((record) => (isSpared(record) ? shorten(record) : record))
      return { ...made, records: fitting.filter((record) => !isReply(record) || !isSpared(record)) }
    },
  }
  const isReply = ({ topic }: OutgoingRecord) => !ownTopics.has(topic)
  const shorten = (record: OutgoingRecord) => (record.topic === deadLetterTopic ? shortDeadLetter(record) : record)
  const isSpared = (record: OutgoingRecord) => refused.has(record.topic, recordBytes(record))

  const openPublisher = async (transactionalId: string, heard: Steps): Promise<TransactionalPublisher> => {
    const publisher = new TransactionalPublisher({ kafka, transactionalId, transactionTimeoutMs, steps: heard })
    try {
      await publisher.open()
      return publisher
    } catch (error) {
      await publisher.close().catch(() => {})
      throw error
    }
  }
  const sweep = new RecoverySweep({
    ledger: seats.recovery,
    buryLapsed: () => incarnations.buryLapsed(),
    recover: (owner, signal) =>
      recover(owner, {
        fence: (id) => openPublisher(id, noSteps),
        ledger: seats.recovery,
        completions,
        isReply,
        shorten,
        // A reply topic may be missing altogether.
        onReduced: (record) => refused.add(record.topic, isReply(record) ? 0 : recordBytes(record)),
        observer,
        steps,
        log,
        signal,
        now: () => systemTimers.now(),
      }),
    intervalMs: recoveryIntervalMs,
    log,
  })
  const incarnations: Incarnations = new Incarnations({
    open: (onFailed) =>
      openIncarnation({
        id: `${groupId}-${randomUUID()}`,
        ends: () => completions.ends(),
        takeSeat: seats.take,
        openPublisher: (id) => openPublisher(id, steps),
        leaseMs,
        delivery: {
          records: writable,
          observer,
          steps,
          log,
          retryDelaysMs: settings.delivery.retryDelaysMs.map(Number),
          bodyKeeping: bodyKeepingOf(settings),
          maxBatchCount: settings.delivery.outcomeBatchCount,
          lingerMs: settings.delivery.outcomeLingerMs,
        },
        onFailed,
        log,
      }),
    recover: (owner) => sweep.recoverOwner(owner),
    ledger: seats.recovery,
    observer,
    log,
  })
  return { incarnations, sweep, forgetDead: seats.forgetDead }
}

interface Seats {
  take(id: string, scanFrom: readonly ScanPosition[]): LedgerSeat
  recovery: RecoveryLedger
  forgetDead(): Promise<void>
}

function postgresSeats(settings: Settings, { pool, version, log }: WorkerDeliveryParts): Seats {
  const { leaseMs } = settings.delivery
  return {
    recovery: new PostgresRecoveryLedger(pool),
    take(id, scanFrom) {
      const lease = new PostgresLease({ pool, id, host: hostname(), pid: process.pid, leaseMs, schemaVersion: version })
      const ledger = new PostgresLedger({ pool, owner: id, log })
      return {
        ledger,
        lease: { open: () => lease.open(scanFrom), renew: () => lease.renew() },
        reconcile: () => ledger.reconcile(),
        buryLapsed: () => lease.buryLapsed(),
        moveScanFrom: (positions) => lease.moveScanFrom(positions),
      }
    },
    forgetDead: () => forgetDeadWorkers(pool),
  }
}

/** One store for all incarnations of this process; it ends with it, and Kafka redelivers. */
function memorySeats(): Seats {
  const store = new MemoryLedgerStore()
  const done = async (): Promise<void> => {}
  return {
    recovery: store.recovery(),
    take: (id, scanFrom) => ({
      ledger: store.join(id, scanFrom),
      lease: null,
      reconcile: done,
      buryLapsed: done,
      moveScanFrom: async (positions) => store.moveScanFrom(id, positions),
    }),
    forgetDead: done,
  }
}

function bodyKeepingOf({ requestLog }: Settings): (tenant: string) => BodyKeeping {
  return (tenant) => requestLog.tenantBodies.get(tenant) ?? requestLog.bodies
}

/** Makes the records of outcomes and retries. `replyTopics`: those that exist and may get replies. */
export function createDeliveryRecords(
  settings: Settings,
  encoders: PublishedEncoders,
  replyTopics: ReadonlySet<string>,
): DeliveryRecords {
  const { topicPrefix } = settings.kafka
  const bodyKeeping = bodyKeepingOf(settings)
  return {
    ofOutcome: createOutcomeRecords({
      encoders,
      topicPrefix,
      replyTopics,
      areBodiesKept: (tenant) => settings.delivery.mode === 'ledger' && bodyKeeping(tenant) === 'full',
    }),
    ofRetry: (job, planned) => {
      const { record, tenant, requestId } = job
      const origin = { origin: job.origin ?? job.source, timestamp: record.timestamp }
      return retryRecord(record, origin, { tenant, requestId, ...planned }, topicPrefix)
    },
  }
}

/** What later replies need; `replyTopics`: those that exist and may get replies. */
export interface WorkerRepliesParts {
  pool: Pool
  schemaRegistry: RecordDecoderOptions<'ModelCompletion'>['writerTypes']
  encoders: PublishedEncoders
  replyTopics: ReadonlySet<string>
  plain: Pick<PlainPublisher, 'publish'>
}

/** Replies to requests that had ended before; none without a ledger, which alone knows of them. */
export function createWorkerReplies(settings: Settings, parts: WorkerRepliesParts): LaterReplies | undefined {
  const { pool, schemaRegistry: writerTypes, encoders, replyTopics, plain } = parts
  if (settings.delivery.mode !== 'ledger') return undefined
  const { topicPrefix } = settings.kafka
  const decoder = createRecordDecoder({ name: 'ModelCompletion', writerTypes, timers: systemTimers })
  return createLaterReplies({
    findEnded: (request) => findEndedRequest(pool, request),
    decode: (value) => decoder.decode(value),
    completions: createCompletionRecords({ encode: encoders.ModelCompletion, topicPrefix, replyTopics }),
    isReplyTopic: (topic) => replyTopics.has(topic),
    publish: (records) => plain.publish(records),
    now: () => Date.now(),
  })
}
