import type { Pool } from 'pg'
import type { RequestKey } from './request-key.ts'
import { toLedgerError } from './sql/batch-statement.ts'

/** What is known of a request that has its terminal record. */
export interface EndedRequest {
  /** Of the terminal record as it was published. */
  status: string
  /** The completion's value as it came from the service; null where the request log does not keep it, or no longer. */
  completionValue: Buffer | null
  /** Of the request log; null where it does not know the request any more. */
  requestType: string | null
  model: string | null
  provider: string | null
  errorCode: string | null
  /** Unix ms. */
  finishedAt: number | null
}

/** Parameters: tenant, request id. */
const selectEnded = `
SELECT COALESCE(l.status, g.status, 'UNSPECIFIED') AS status, g.completion_body, g.request_type, g.model, g.provider, g.error_code,
       g.finished_at
FROM request_ledger l
LEFT JOIN LATERAL (
  SELECT * FROM request_log r
  WHERE r.tenant = l.tenant AND r.request_id = l.request_id
  ORDER BY r.finished_at DESC LIMIT 1
) g ON true
WHERE l.tenant = $1 AND l.request_id = $2 AND l.state = 'PUBLISHED'`

interface Row {
  status: string
  completion_body: Buffer | null
  request_type: string | null
  model: string | null
  provider: string | null
  error_code: string | null
  finished_at: Date | null
}

/** Looks a request up that has ended; null when it has not, or is forgotten. @throws DATABASE_UNAVAILABLE */
export async function findEndedRequest(
  pool: Pick<Pool, 'query'>,
  { tenant, requestId }: RequestKey,
): Promise<EndedRequest | null> {
  let row: Row | undefined
  try {
    row = (await pool.query<Row & Record<string, unknown>>(selectEnded, [tenant, requestId])).rows[0]
  } catch (error) {
    throw toLedgerError(error)
  }
  if (row === undefined) return null
  return {
    status: row.status,
    completionValue: row.completion_body,
    requestType: row.request_type,
    model: row.model,
    provider: row.provider,
    errorCode: row.error_code,
    finishedAt: row.finished_at?.getTime() ?? null,
  }
}
