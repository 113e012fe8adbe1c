import type { Pool } from 'pg'
import { type RequestKey, requestKeyText } from '../../../delivery/request-key.ts'
import { toLedgerError } from '../../../delivery/sql/batch-statement.ts'
import type { LedgerState } from './judge-request.ts'

/** Requests that one statement asks for. */
const batchCount = 5_000

/** A missing row of a worker counts as dead, as everywhere (rule 3 of docs/delivery.md). */
const statement = `
  SELECT l.tenant, l.request_id, l.state, l.retry > 0 AS is_retry, w.id IS NOT NULL AND NOT w.dead AS owner_lives
  FROM unnest($1::text[], $2::text[]) AS i(tenant, request_id)
  JOIN request_ledger l USING (tenant, request_id)
  LEFT JOIN workers w ON w.id = l.owner`

interface Row {
  tenant: string
  request_id: string
  state: string
  is_retry: boolean
  owner_lives: boolean
}

/** The rows that the ledger has of these requests, by the text of their key. @throws DATABASE_UNAVAILABLE, DATABASE_VERSION */
export async function ledgerStates(
  pool: Pick<Pool, 'query'>,
  keys: readonly RequestKey[],
): Promise<Map<string, LedgerState>> {
  const states = new Map<string, LedgerState>()
  for (let start = 0; start < keys.length; start += batchCount) {
    const batch = keys.slice(start, start + batchCount)
    const parameters = [batch.map(({ tenant }) => tenant), batch.map(({ requestId }) => requestId)]
    const { rows } = await pool.query<Row>(statement, parameters).catch((error: unknown) => {
      throw toLedgerError(error)
    })
    for (const { tenant, request_id: requestId, state, owner_lives: ownerLives, is_retry: isRetry } of rows) {
      states.set(requestKeyText({ tenant, requestId }), { state, ownerLives, isRetry })
    }
  }
  return states
}
