import type { Pool } from 'pg'
import { toLedgerError } from '../../delivery/sql/batch-statement.ts'
import { type CostDimension, type CostSum, costDimensions } from './cost-report.ts'

/** Which requests to add up. */
export interface CostFilter {
  /** When they ended, Unix ms: from this time on, and before that time. */
  fromMs?: number
  toMs?: number
  tenant?: string
}

/** Adds up the costs in the request log by the dimensions, sorted by their values. @throws DATABASE_UNAVAILABLE, DATABASE_VERSION */
export async function queryCosts(
  pool: Pool,
  dimensions: readonly CostDimension[],
  { fromMs, toMs, tenant }: CostFilter,
): Promise<CostSum[]> {
  // The expressions are constants of ours; nothing of the user gets into the text.
  const values = dimensions.map((dimension) => costDimensions[dimension])
  const statement = `
    SELECT ARRAY[${values.join(', ')}]::text[] COLLATE "C" AS "group", count(*)::float8 AS "requestCount", sum(cost)::text AS amount,
           CASE WHEN cost IS NOT NULL THEN currency END AS currency,
           CASE WHEN cost IS NULL THEN COALESCE(cost_reason, 'UNKNOWN') END AS reason
    FROM request_log
    WHERE ($1::timestamptz IS NULL OR finished_at >= $1) AND ($2::timestamptz IS NULL OR finished_at < $2)
      AND ($3::text IS NULL OR tenant = $3)
    GROUP BY 1, 4, 5 ORDER BY 1, 4 NULLS LAST, 5`
  try {
    const { rows } = await pool.query<CostSum>(statement, [dateOf(fromMs), dateOf(toMs), tenant ?? null])
    return rows
  } catch (error) {
    throw toLedgerError(error)
  }
}

function dateOf(timeMs: number | undefined): Date | null {
  return timeMs === undefined ? null : new Date(timeMs)
}
