/** What the database knows of one request: for people who ask what became of it. */
import type { Pool } from 'pg'
import type { RequestKey } from './request-key.ts'
import { toLedgerError } from './sql/batch-statement.ts'

/** The row of the ledger, with what is known of its owner. Times are Unix ms, by the database's clock. */
export interface LedgerRow {
  state: 'CLAIMED' | 'SETTLED' | 'PUBLISHED' | 'RETRYING'
  /** Status of the outcome, once there is one. */
  status: string | null
  owner: string | null
  /** Host, process and version of the owner; null when its lease is forgotten. */
  worker: { host: string; pid: number; version: string; isAlive: boolean } | null
  token: number
  /** Base of the numbering of attempts. */
  attempt: number
  /** Calls of unknown fate. */
  unknownCount: number
  retry: number
  nextRetry: number | null
  /** As `v1:` and hexadecimal digits. */
  payloadHash: string
  onUncertain: string
  sourceTopic: string
  sourcePartition: number
  sourceOffset: number
  /** Bytes of the outcome that wait to be published. */
  outcomeBytes: number | null
  /** When it was first claimed. */
  createdAt: number
  updatedAt: number
}

/** A row of the request log. Times are Unix ms, by the worker's clock. */
export interface LogRow {
  startedAt: number
  finishedAt: number
  durationMs: number
  requestType: string
  taskType: string | null
  model: string | null
  provider: string | null
  status: string
  errorCode: string | null
  attemptCount: number
  registryVersion: number | null
  usage: unknown
  /** Decimal text; null when it is not known. */
  cost: string | null
  currency: string | null
  costReason: string | null
  sourceTopic: string | null
  sourcePartition: number | null
  sourceOffset: number | null
  requestBytes: number | null
  completionBytes: number | null
  /** SHA-256 of the wire-format bytes, in hexadecimal digits; of erased and of kept ones. */
  requestHash: string | null
  completionHash: string | null
  erasedAt: number | null
  erasedBy: string | null
  eraseReason: string | null
}

/** A judgement of the answer. */
export interface FeedbackRow {
  actor: string
  /** 0 to 1; null when it holds only words. */
  score: number | null
  hasCorrection: boolean
  hasComment: boolean
  /** Unix ms. */
  createdAt: number
}

/** All of it. */
export interface RequestRows {
  ledger: LedgerRow | null
  /** Oldest first; several only where the ledger had forgotten the request when it came again. */
  log: LogRow[]
  cancellation: { reason: string | null; requestedAt: number } | null
  /** What people thought of the answer, oldest first; never their words. */
  feedback: FeedbackRow[]
  /** Stored bytes of the newest completion. */
  completionBody: Buffer | null
}

const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`

const ledgerStatement = `
SELECT l.state, l.status, l.owner, l.token, l.attempt, l.unknown_count AS "unknownCount", l.retry,
       l.next_retry AS "nextRetry", 'v' || l.payload_hash_version || ':' || encode(l.payload_hash, 'hex') AS "payloadHash",
       l.on_uncertain AS "onUncertain", l.source_topic AS "sourceTopic", l.source_partition AS "sourcePartition",
       l.source_offset::float8 AS "sourceOffset", octet_length(l.outcome) AS "outcomeBytes",
       ${ms('l.created_at')} AS "createdAt", ${ms('l.updated_at')} AS "updatedAt",
       CASE WHEN w.id IS NULL THEN NULL ELSE jsonb_build_object('host', w.host, 'pid', w.pid, 'version', w.schema_version,
         'isAlive', NOT w.dead AND w.expires_at > clock_timestamp()) END AS worker
FROM request_ledger l LEFT JOIN workers w ON w.id = l.owner WHERE l.tenant = $1 AND l.request_id = $2`

const logStatement = `
SELECT ${ms('started_at')} AS "startedAt", ${ms('finished_at')} AS "finishedAt", duration_ms::float8 AS "durationMs",
       request_type AS "requestType", task_type AS "taskType", model, provider, status, error_code AS "errorCode",
       attempt_count AS "attemptCount", registry_version::float8 AS "registryVersion", usage, cost::text AS cost, currency,
       cost_reason AS "costReason", source_topic AS "sourceTopic", source_partition AS "sourcePartition",
       source_offset::float8 AS "sourceOffset", octet_length(request_body) AS "requestBytes",
       octet_length(completion_body) AS "completionBytes",
       encode(COALESCE(request_hash, sha256(request_body)), 'hex') AS "requestHash",
       encode(COALESCE(completion_hash, sha256(completion_body)), 'hex') AS "completionHash",
       ${ms('erased_at')} AS "erasedAt", erased_by AS "erasedBy", erase_reason AS "eraseReason"
FROM request_log WHERE tenant = $1 AND request_id = $2 ORDER BY finished_at`

const cancellationStatement = `
SELECT reason, ${ms('requested_at')} AS "requestedAt" FROM request_cancellations WHERE tenant = $1 AND request_id = $2`

const feedbackStatement = `
SELECT actor, score, correction IS NOT NULL AS "hasCorrection", comment IS NOT NULL AS "hasComment",
       ${ms('created_at')} AS "createdAt"
FROM model_feedback WHERE tenant = $1 AND request_id = $2 ORDER BY created_at, command_id`

const bodyStatement = `
SELECT completion_body AS body FROM request_log
WHERE tenant = $1 AND request_id = $2 AND completion_body IS NOT NULL ORDER BY finished_at DESC LIMIT 1`

/** Reads what is known of a request. @throws DATABASE_UNAVAILABLE, DATABASE_VERSION */
export async function readRequestRows(pool: Pool, { tenant, requestId }: RequestKey): Promise<RequestRows> {
  const key = [tenant, requestId]
  try {
    const ledger = await pool.query<LedgerRow>(ledgerStatement, key)
    const log = await pool.query<LogRow>(logStatement, key)
    const cancellation = await pool.query<{ reason: string | null; requestedAt: number }>(cancellationStatement, key)
    const feedback = await pool.query<FeedbackRow>(feedbackStatement, key)
    const body = await pool.query<{ body: Buffer }>(bodyStatement, key)
    return {
      ledger: ledger.rows[0] ?? null,
      log: log.rows,
      cancellation: cancellation.rows[0] ?? null,
      feedback: feedback.rows,
      completionBody: body.rows[0]?.body ?? null,
    }
  } catch (error) {
    throw toLedgerError(error)
  }
}
