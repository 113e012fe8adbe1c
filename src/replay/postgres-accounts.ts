import type { Pool } from 'pg'
import type { Usage } from '../contract/types.ts'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import type { AccountReader } from './replay-ports.ts'

const batchCount = 2_000

interface LogRecord {
  tenant: string
  request_id: string
  finished_at: string
  request_type: string
  task_type: string | null
  model: string | null
  provider: string | null
  status: string
  error_code: string | null
  attempt_count: number
  registry_version: string | null
  usage: Usage | null
  cost: string | null
  currency: string | null
  cost_reason: string | null
  price_source: string | null
  price_card: string | null
  source_topic: string | null
  source_partition: number | null
  source_offset: string | null
  request_body: Buffer | null
  completion_body: Buffer | null
}

/**
 * The request log and the ledger in PostgreSQL, as an audit reads them: in batches, without a lock, and without the bodies, of which
 * the database makes the hashes.
 */
export function postgresAccounts(pool: Pool): AccountReader {
  const query = async <T extends object>(text: string, values: unknown[]): Promise<T[]> => {
    try {
      return (await pool.query<T>(text, values)).rows
    } catch (error) {
      throw toLedgerError(error)
    }
  }
  return {
    async now() {
      const [row] = await query<{ now: string }>(`SELECT ${unixMs('clock_timestamp()')} AS now`, [])
      return Number(row?.now)
    },

    async logRows(after, sinceMs) {
      const { tenant = '', requestId = '', finishedAt = 0 } = after ?? {}
      const rows = await query<LogRecord>(nextLogRows, [tenant, requestId, finishedAt, sinceMs, after === null])
      return rows.map((row) => ({
        tenant: row.tenant,
        requestId: row.request_id,
        finishedAt: Number(row.finished_at),
        cost: row.cost,
        logged: {
          requestType: row.request_type,
          taskType: row.task_type,
          model: row.model,
          provider: row.provider,
          status: row.status,
          errorCode: row.error_code,
          attemptCount: row.attempt_count,
          registryVersion: row.registry_version === null ? null : Number(row.registry_version),
          usage: row.usage,
          cost: {
            currency: row.currency ?? '',
            unknownReason: row.cost_reason,
            priceSource: row.price_source,
            priceCardVersion: row.price_card,
          },
          source:
            row.source_topic === null
              ? null
              : { topic: row.source_topic, partition: row.source_partition ?? 0, offset: Number(row.source_offset) },
        },
        requestBody: row.request_body,
        completionBody: row.completion_body,
      }))
    },

    async ledgerRows(requests) {
      const rows = await query<LedgerRecord>(ledgerRowsOf, [
        requests.map(({ tenant }) => tenant),
        requests.map(({ requestId }) => requestId),
      ])
      return rows.map(({ tenant, request_id, state, status, token, payload_hash, updated_at, ...rest }) => ({
        ...{ tenant, requestId: request_id, state, status, token },
        payloadHash: payload_hash,
        source: { topic: rest.source_topic, partition: rest.source_partition, offset: Number(rest.source_offset) },
        updatedAt: Number(updated_at),
      }))
    },

    async registryVersion() {
      const [row] = await query<{ version: string | null }>(
        'SELECT max(version) AS version FROM registry_revisions',
        [],
      )
      return Number(row?.version ?? 0)
    },
  }
}

interface LedgerRecord {
  tenant: string
  request_id: string
  state: string
  status: string | null
  token: number
  payload_hash: string
  source_topic: string
  source_partition: number
  source_offset: string
  updated_at: string
}

function unixMs(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::bigint`
}

/** Where a body is not kept, or was erased, its hash may be. */
function bodyHash(name: string): string {
  return `coalesce(sha256(${name}_body), ${name}_hash) AS ${name}_body`
}

/** By the primary key of the partitions, so that each batch begins where the last one ended. Amounts as the contract writes them. */
const nextLogRows = `
  SELECT tenant, request_id, ${unixMs('finished_at')} AS finished_at, request_type, task_type, model, provider, status, error_code,
         attempt_count, registry_version, usage, trim_scale(cost)::text AS cost, currency, cost_reason, price_source, price_card,
         source_topic, source_partition, source_offset, ${bodyHash('request')}, ${bodyHash('completion')}
  FROM request_log
  WHERE ($5::boolean OR (tenant, request_id, finished_at) > ($1::text, $2::text, to_timestamp($3::float8 / 1000)))
    AND finished_at >= to_timestamp($4::float8 / 1000)
  ORDER BY tenant, request_id, finished_at
  LIMIT ${batchCount}`

const ledgerRowsOf = `
  SELECT l.tenant, l.request_id, l.state, l.status, l.token, l.source_topic, l.source_partition, l.source_offset,
         'v' || l.payload_hash_version || ':' || encode(l.payload_hash, 'hex') AS payload_hash, ${unixMs('l.updated_at')} AS updated_at
  FROM unnest($1::text[], $2::text[]) AS i(tenant, request_id) JOIN request_ledger l USING (tenant, request_id)`
