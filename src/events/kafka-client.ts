/** The kafkajs client as we use it: bounded waits, our log, all codecs, no aborted records, and without its idle timer loop. */
import type { ConnectionOptions } from 'node:tls'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import type { Log } from '../model-service/ports/log.ts'
import { installCompressionCodecs } from './compression-codecs.ts'
import { installAbortedRecords } from './kafkajs-aborted-records.ts'
import { installEmptyBatches } from './kafkajs-empty-batches.ts'
import { kafkajsPart } from './kafkajs-parts.ts'
import { installRecordEncoding } from './kafkajs-record-encoding.ts'

/** How to reach Kafka. */
export interface KafkaSettings {
  /** host:port of some brokers. */
  brokers: readonly string[]
  /** Shows in the brokers' logs and quotas. */
  clientId: string
  /** TLS: true for the system's certificate authorities, or options; plain text when left out. */
  ssl?: boolean | ConnectionOptions
  sasl?: SASLOptions
  /** Limit of connecting to one broker in ms; default 3,000. */
  connectionTimeoutMs?: number
  /** Limit of one request in ms; requests that wait by nature (fetch, join) take longer. Default 5,000. */
  requestTimeoutMs?: number
}

/** Makes the client; no connection is opened yet. */
export function createKafkaClient(settings: KafkaSettings, log: Log): Kafka {
  installTimerFix()
  installRecordEncoding()
  installAbortedRecords()
  installEmptyBatches()
  installPassingCoordinator()
  installCompressionCodecs()
  return new Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    ...(settings.ssl !== undefined && { ssl: settings.ssl }),
    ...(settings.sasl !== undefined && { sasl: settings.sasl }),
    connectionTimeout: settings.connectionTimeoutMs ?? 3_000,
    requestTimeout: settings.requestTimeoutMs ?? 5_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 8 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => writeLog(log, entry),
  })
}

/** Lines of kafkajs that say nothing is wrong: a transaction follows its predecessor closely; our retries are meant so. */
const noise = ['concurrent operation on the same transaction', 'Limiting retries for the idempotent producer']

/** kafkajs calls an error what it goes on to retry; what is one in the end reaches us as a rejection. */
function writeLog(log: Log, entry: { level: logLevel; namespace: string; log: { message: string } }): void {
  const { message, timestamp: _, logger: __, stack: ___, ...fields } = entry.log as Record<string, unknown>
  const text = String(message)
  const told = `${text} ${String(fields['error'] ?? '')}`
  if (noise.some((part) => told.includes(part))) return
  const line = `kafkajs${entry.namespace ? ` ${entry.namespace}` : ''}: ${text}`
  if (entry.level === logLevel.ERROR || entry.level === logLevel.WARN) log.warn(fields, line)
  else log.debug(fields, line)
}

const marker = Symbol.for('model-service.kafkajs-timer-fix')

interface RequestQueuePrototype {
  scheduleCheckPendingRequests(this: { pending: unknown[] }): void
  [marker]?: true
}

/**
 * kafkajs re-arms a timer of about 1 ms for ever, also when no request waits (tulios/kafkajs#1751), and Node warns of the
 * negative delays in it (#1604). A queue without waiting requests needs no timer: `push` arms it again. Only for the
 * version that was read; any other is left alone.
 */
function installTimerFix(): void {
  const queue = kafkajsPart<{ prototype: RequestQueuePrototype }>('network/requestQueue')
  if (queue === undefined || queue.prototype[marker]) return
  const { prototype } = queue
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0) original.call(this)
  }
  prototype[marker] = true
}

/**
 * That no broker names the coordinator of a group passes with the outage that it comes from. kafkajs calls it final, and ends the
 * consumer for good, unless a connection is refused a moment earlier. Only for the version that was read.
 */
function installPassingCoordinator(): void {
  const errors = kafkajsPart<{ KafkaJSGroupCoordinatorNotFound: { prototype: object } }>('errors')
  if (errors === undefined) return
  // The constructor assigns to it, which a getter alone would refuse.
  const retriable = { get: () => true, set: () => {}, configurable: true }
  Object.defineProperty(errors.KafkaJSGroupCoordinatorNotFound.prototype, 'retriable', retriable)
}
