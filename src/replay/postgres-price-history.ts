import type { Pool } from 'pg'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import { type ModelRevision, PriceHistory, type ProviderRevision } from './price-history.ts'

/**
 * Reads the history of prices from the revisions of the registry, up to a version of it when one is given.
 * @throws DATABASE_UNAVAILABLE, DATABASE_VERSION
 */
export async function readPriceHistory(pool: Pool, untilVersion: number | null = null): Promise<PriceHistory> {
  try {
    const models = await pool.query<RevisionRow<ModelRevision>>(revisionsOf('MODEL', modelState), [untilVersion])
    const providers = await pool.query<RevisionRow<ProviderRevision>>(revisionsOf('PROVIDER', providerState), [
      untilVersion,
    ])
    return new PriceHistory(models.rows.map(revision), providers.rows.map(revision))
  } catch (error) {
    throw toLedgerError(error)
  }
}

interface RevisionRow<T extends { state: unknown }> {
  version: string
  at: string
  id: string
  state: T['state']
}

/** `state` comes through as it is: its type is what the query builds. */
function revision<TState>(row: { version: string; at: string; id: string; state: TState }) {
  return { version: Number(row.version), at: Number(row.at), id: row.id, state: row.state }
}

const modelState = `jsonb_build_object('provider', state->>'provider', 'providerModel', state->>'providerModel', 'price', state->'price')`
const providerState = `jsonb_build_object('kind', state->>'kind', 'baseUrl', state->>'baseUrl')`

function revisionsOf(kind: string, state: string): string {
  return `
    SELECT version, floor(extract(epoch FROM created_at) * 1000)::bigint AS at, entity_id AS id,
           CASE WHEN jsonb_typeof(state) = 'object' THEN ${state} END AS state
    FROM registry_revisions WHERE kind = '${kind}' AND ($1::bigint IS NULL OR version <= $1) ORDER BY version`
}
