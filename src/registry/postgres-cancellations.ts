import type { Pool } from 'pg'
import { toLedgerError } from '../delivery/sql/batch-statement.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CancellationRequest, Cancellations } from '../model-service/ports/cancellations.ts'

/**
 * Notes the wish unless the request has its outcome or the command's id was used for another command. The first wish
 * stays. A request that ended after its cancellation was noted counts as noted, so that a repeated command is answered as it was
 * at first. Parameters: tenant, request id, reason, command id, digest.
 */
const noteCancellation = `
WITH command AS (
  SELECT digest <> $5 AS reused FROM registry_commands WHERE command_id = $4
), ended AS (
  SELECT EXISTS (
    SELECT 1 FROM request_ledger
    WHERE tenant = $1 AND request_id = $2 AND (state = 'PUBLISHED' OR state = 'SETTLED' AND next_retry IS NULL)
  ) AS yes
), noted AS (
  SELECT EXISTS (SELECT 1 FROM request_cancellations WHERE tenant = $1 AND request_id = $2) AS yes
), inserted AS (
  INSERT INTO request_cancellations (tenant, request_id, reason, requested_at)
  SELECT $1, $2, $3, clock_timestamp() FROM ended
  WHERE NOT ended.yes AND NOT EXISTS (SELECT 1 FROM command WHERE reused)
  ON CONFLICT DO NOTHING
)
SELECT COALESCE((SELECT reused FROM command), false) AS reused, ended.yes AND NOT noted.yes AS ended FROM ended, noted`

/**
 * Cancellations in PostgreSQL, beside the ledger: owners of claims learn of them by polling, and a claim looks for one in its
 * own statement. So it does not matter which worker is given the command.
 */
export class PostgresCancellations implements Cancellations {
  readonly #pool: Pick<Pool, 'query'>

  constructor(pool: Pick<Pool, 'query'>) {
    this.#pool = pool
  }

  async request(cancellation: CancellationRequest): Promise<'recorded' | 'already-ended'> {
    const { tenant, requestId, reason, commandId, digest } = cancellation
    const rows = await this.#query<{ reused: boolean; ended: boolean }>(noteCancellation, [
      tenant,
      requestId,
      reason,
      commandId,
      digest,
    ])
    if (rows[0]?.reused === true) {
      throw new ModelServiceError('COMMAND_ID_REUSED', `The command id ${commandId} was used for another command.`)
    }
    return rows[0]?.ended === true ? 'already-ended' : 'recorded'
  }

  /** Forgets cancellations that were asked for more than so many days ago. @throws DATABASE_UNAVAILABLE */
  async forget(olderThanDays: number): Promise<void> {
    await this.#query(
      `DELETE FROM request_cancellations WHERE requested_at < clock_timestamp() - $1 * interval '1 day'`,
      [olderThanDays],
    )
  }

  async #query<R extends object>(sql: string, values: unknown[]): Promise<R[]> {
    try {
      return (await this.#pool.query<R & Record<string, unknown>>(sql, values)).rows
    } catch (error) {
      throw toLedgerError(error)
    }
  }
}
