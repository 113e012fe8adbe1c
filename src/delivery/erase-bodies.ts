import type { Pool } from 'pg'
import type { RequestKey } from './request-key.ts'
import { toLedgerError } from './sql/batch-statement.ts'

/** What to erase, on whose word. */
export interface Erasure extends RequestKey {
  erasedBy: string
  reason: string | null
}

/**
 * What came of it. `erased`: now; `erased-before`: there was nothing left to do; `unfinished`: it has no terminal record yet, and
 * what is not published must not be lost; `unknown`: neither ledger nor request log has it, or no row of the log any more.
 */
export interface ErasureResult {
  result: 'erased' | 'erased-before' | 'unfinished' | 'unknown'
  /** Bytes of bodies and words that are gone now. */
  bytes: number
}

/**
 * A PUBLISHED row never changes again, so that what is read of the ledger still holds when the log is updated. Its outcome
 * has been removed by the mark; should it be there all the same, it goes too.
 */
const statement = `
WITH ledger AS (
  SELECT state FROM request_ledger WHERE tenant = $1 AND request_id = $2
), finished AS (
  SELECT NOT EXISTS (SELECT 1 FROM ledger WHERE state <> 'PUBLISHED') AS yes
), emptied AS (
  UPDATE request_ledger SET outcome = NULL
  WHERE tenant = $1 AND request_id = $2 AND state = 'PUBLISHED' AND outcome IS NOT NULL
), kept AS MATERIALIZED (
  SELECT finished_at, COALESCE(octet_length(request_body), 0) + COALESCE(octet_length(completion_body), 0) AS bytes,
         erased_at IS NULL AS due
  FROM request_log WHERE tenant = $1 AND request_id = $2
), erased AS (
  UPDATE request_log l
  SET request_hash = COALESCE(l.request_hash, sha256(l.request_body)),
      completion_hash = COALESCE(l.completion_hash, sha256(l.completion_body)),
      request_body = NULL, completion_body = NULL, erased_at = clock_timestamp(), erased_by = $3, erase_reason = $4
  FROM kept, finished
  WHERE l.tenant = $1 AND l.request_id = $2 AND l.finished_at = kept.finished_at AND kept.due AND finished.yes
  RETURNING kept.bytes
), said AS MATERIALIZED (
  SELECT command_id, octet_length(concat(correction, comment)) AS bytes FROM model_feedback
  WHERE tenant = $1 AND request_id = $2 AND (correction IS NOT NULL OR comment IS NOT NULL)
), unsaid AS (
  UPDATE model_feedback f SET correction = NULL, comment = NULL
  FROM said, finished WHERE f.command_id = said.command_id AND finished.yes
  RETURNING said.bytes
), gone AS (
  SELECT bytes FROM erased UNION ALL SELECT bytes FROM unsaid
)
SELECT finished.yes AS finished, EXISTS (SELECT 1 FROM kept) OR EXISTS (SELECT 1 FROM said) AS known,
       (SELECT count(*)::int FROM gone) AS rows, COALESCE((SELECT sum(bytes)::float8 FROM gone), 0) AS bytes
FROM finished`

/**
 * Removes the bodies of a finished request from the database, and the words of feedback on it. Its rows stay, with the hashes of the
 * bodies, and say when, by whom and why; scores stay. Repeating it changes nothing: who erased first stays. @throws DATABASE_UNAVAILABLE, DATABASE_VERSION
 */
export async function eraseBodies(
  pool: Pool,
  { tenant, requestId, erasedBy, reason }: Erasure,
): Promise<ErasureResult> {
  try {
    const { rows } = await pool.query<{ finished: boolean; known: boolean; rows: number; bytes: number }>(statement, [
      tenant,
      requestId,
      erasedBy,
      reason,
    ])
    const [found] = rows
    if (found === undefined || found.finished === false) return { result: 'unfinished', bytes: 0 }
    if (!found.known) return { result: 'unknown', bytes: 0 }
    return { result: found.rows > 0 ? 'erased' : 'erased-before', bytes: found.bytes }
  } catch (error) {
    throw toLedgerError(error)
  }
}
