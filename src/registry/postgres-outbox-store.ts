import type { Pool, PoolClient } from 'pg'
import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { OutboxStore, PublishOutbox } from '../events/outbox-store.ts'

/** "msoutbox": whoever holds it is the relay. */
const RELAY_LOCK = '7886769922710335352'

/**
 * Records that were written in the transaction of the change that they tell of, and wait to leave for Kafka.
 *
 * They leave in the order in which their changes were committed, by one relay at a time; those of a topic that takes nothing wait
 * for it, and the others go past them. One that ends between sending and
 * marking sends them again: at least once, in order; readers know a repeated event by its `ce_id`.
 */
export class PostgresOutboxStore implements OutboxStore {
  private readonly pool: Pool
  private readonly replyTopics: ReadonlySet<string>

  /** What one of `replyTopics` does not take, for whatever reason, is set aside: replies must not hold up the rest. */
  constructor(pool: Pool, { replyTopics = new Set() }: { replyTopics?: ReadonlySet<string> } = {}) {
    this.pool = pool
    this.replyTopics = replyTopics
  }

  /**
   * Hands records to `publish`, up to `limit` at once, oldest first, and marks them when it resolves. When it rejects, nothing
   * more is marked and the rejection goes to the caller. A record that Kafka refuses is set aside (`failed_at`), and never forgotten.
   *
   * @returns how many were published or set aside; 0 when there are none, or when another relay is at work
   * @throws DATABASE_UNAVAILABLE
   * @throws BROKER_UNAVAILABLE when a topic takes nothing; all others are marked
   */
  async publishNext(limit: number, publish: PublishOutbox): Promise<number> {
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
        return await this.publishOldest(client, limit, publish)
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

  private async publishOldest(client: PoolClient, limit: number, publish: PublishOutbox): Promise<number> {
    const closedTopics = new Set<string>()
    for (;;) {
      const { rows } = await query<OutboxRow>(
        client,
        `SELECT id, topic, key, partition, headers, value FROM outbox
         WHERE published_at IS NULL AND failed_at IS NULL AND topic <> ALL($2::text[]) ORDER BY id LIMIT $1`,
        [limit, [...closedTopics]],
      )
      const refusing = rows.length === 0 ? [] : await this.publishRows(client, rows, publish)
      for (const topic of refusing) closedTopics.add(topic)
      // A topic that takes nothing must not hold up what comes behind as many records as one look takes.
      if (refusing.length > 0) continue
      if (closedTopics.size === 0) return rows.length
      if (rows.length === limit) continue
      throw new ModelServiceError(
        'BROKER_UNAVAILABLE',
        `Records of the outbox wait for ${[...closedTopics].sort().join(', ')}: expected such a topic to exist, with the rights to write. They are tried again.`,
      )
    }
  }

  /** Publishes and marks; gives the topics that take nothing. */
  private async publishRows(client: PoolClient, rows: OutboxRow[], publish: PublishOutbox): Promise<string[]> {
    const records = rows.map(({ topic, key, partition, headers, value }) => ({
      topic,
      key,
      headers,
      value,
      ...(partition === null ? {} : { partition }),
    }))
    const refused = (await publish(records)).map(({ record, why }) => ({
      record,
      why: this.replyTopics.has(record.topic) ? 'record' : why,
    }))
    const whyByRecord = new Map(refused.map(({ record, why }) => [record, why]))
    const idsOf = (wanted: RefusedRecord['why'] | undefined) =>
      rows.filter((_, place) => whyByRecord.get(records[place] as OutgoingRecord) === wanted).map(({ id }) => id)
    await query(
      client,
      `UPDATE outbox SET published_at = CASE WHEN id = ANY($1::bigint[]) THEN now() END,
         failed_at = CASE WHEN id = ANY($2::bigint[]) THEN now() END
       WHERE id = ANY($1::bigint[] || $2::bigint[])`,
      [idsOf(undefined), idsOf('record')],
    )
    return [...new Set(refused.filter(({ why }) => why === 'topic').map(({ record }) => record.topic))]
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

async function query<R extends object>(client: PoolClient, sql: string, values: unknown[]) {
  try {
    return await client.query<R & Record<string, unknown>>(sql, values)
  } catch (error) {
    throw toLedgerError(error)
  }
}
