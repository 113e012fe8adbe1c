import type { Pool, PoolClient } from 'pg'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import type { OutboxStore } from '../events/outbox-store.ts'

/** "msoutbox": whoever holds it is the relay. */
const RELAY_LOCK = '7886769922710335352'

/**
 * Records that were written in the transaction of the change that they tell of, and wait to leave for Kafka.
 *
 * They leave in the order in which their changes were committed, by one relay at a time. One that ends between sending and
 * marking sends them again: at least once, in order; readers know a repeated event by its `ce_id`.
 */
export class PostgresOutboxStore implements OutboxStore {
  private readonly pool: Pool

  constructor(pool: Pool) {
    this.pool = pool
  }

  /**
   * Hands up to `limit` records to `publish`, oldest first, and marks them when it resolves. When it rejects, nothing is
   * marked and the rejection goes to the caller.
   *
   * @returns how many were published; 0 when there are none, or when another relay is at work
   * @throws DATABASE_UNAVAILABLE
   */
  async publishNext(limit: number, publish: (records: readonly OutgoingRecord[]) => Promise<void>): Promise<number> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw toLedgerError(error)
    })
    let broken: Error | undefined
    try {
      const { rows } = await query<{ locked: boolean }>(client, 'SELECT pg_try_advisory_lock($1) AS locked', [
        RELAY_LOCK,
      ])
      if (rows[0]?.locked !== true) return 0
      try {
        return await publishOldest(client, limit, publish)
      } finally {
        // A connection that cannot even unlock is closed, and the lock goes with it.
        await client.query('SELECT pg_advisory_unlock($1)', [RELAY_LOCK]).catch((error: Error) => {
          broken = error
        })
      }
    } finally {
      client.release(broken)
    }
  }

  /** Deletes records that left more than so many days ago. @throws DATABASE_UNAVAILABLE */
  async forget(olderThanDays: number): Promise<void> {
    try {
      await this.pool.query(`DELETE FROM outbox WHERE published_at < now() - $1 * interval '1 day'`, [olderThanDays])
    } catch (error) {
      throw toLedgerError(error)
    }
  }
}

interface OutboxRow {
  id: string
  topic: string
  key: Buffer
  partition: number | null
  headers: Record<string, string>
  value: Buffer | null
}

async function publishOldest(
  client: PoolClient,
  limit: number,
  publish: (records: readonly OutgoingRecord[]) => Promise<void>,
): Promise<number> {
  const { rows } = await query<OutboxRow>(
    client,
    'SELECT id, topic, key, partition, headers, value FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1',
    [limit],
  )
  if (rows.length === 0) return 0
  await publish(
    rows.map(({ topic, key, partition, headers, value }) => ({
      topic,
      key,
      headers,
      value,
      ...(partition === null ? {} : { partition }),
    })),
  )
  await query(client, 'UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])', [rows.map(({ id }) => id)])
  return rows.length
}

async function query<R extends object>(client: PoolClient, sql: string, values: unknown[]) {
  try {
    return await client.query<R & Record<string, unknown>>(sql, values)
  } catch (error) {
    throw toLedgerError(error)
  }
}
