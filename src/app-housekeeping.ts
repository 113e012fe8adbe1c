/** The part of the composition root that says what is done now and then; every worker does it, and none needs another for it. */
import type { Pool } from 'pg'
import type { WorkerDelivery } from './app-delivery.ts'
import type { Settings } from './config/settings-schema.ts'
import type { HousekeepingTask } from './delivery/housekeeping.ts'
import { forgetPublished } from './delivery/postgres-ledger-retention.ts'
import { dropRequestLogPartitions, ensureRequestLogPartitions } from './delivery/request-log-partitions.ts'
import { forgetCommands } from './registry/forget-commands.ts'
import type { PostgresCancellations } from './registry/postgres-cancellations.ts'
import type { PostgresOutboxStore } from './registry/postgres-outbox-store.ts'
import { forgetFeedback, forgetPerformance } from './registry/postgres-performance.ts'

/** What is looked after. */
export interface HousekeepingParts {
  pool: Pool
  outbox: PostgresOutboxStore
  /** Undefined where requests cannot be cancelled. */
  cancellations: PostgresCancellations | undefined
  recovery: Pick<WorkerDelivery, 'forgetDead'>
  delivery: Pick<WorkerDelivery['incarnations'], 'moveScanFrom'>
}

/** Days for which published outbox rows are kept for a look back. */
const outboxRetentionDays = 7

/** The tasks, as the settings want them. */
export function housekeepingTasks(settings: Settings, parts: HousekeepingParts): HousekeepingTask[] {
  const { pool, outbox, cancellations, recovery, delivery } = parts
  const { ledgerRetentionDays } = settings.delivery
  const { retentionDays } = settings.requestLog
  const { retentionDays: performanceDays } = settings.performance
  return [
    { name: 'create partitions', run: () => ensureRequestLogPartitions(pool, { now: Date.now() }) },
    ...(retentionDays === 0
      ? []
      : [
          {
            name: 'drop partitions',
            run: () => dropRequestLogPartitions(pool, { olderThanDays: retentionDays, now: Date.now() }),
          },
          { name: 'forget feedback', run: () => forgetFeedback(pool, retentionDays) },
        ]),
    ...(performanceDays === 0
      ? []
      : [{ name: 'forget performance', run: () => forgetPerformance(pool, performanceDays) }]),
    { name: 'forget ledger rows', run: () => forgetPublished(pool, { olderThanDays: ledgerRetentionDays }) },
    ...(cancellations === undefined
      ? []
      : [{ name: 'forget cancellations', run: () => cancellations.forget(ledgerRetentionDays) }]),
    { name: 'forget commands', run: () => forgetCommands(pool, ledgerRetentionDays) },
    { name: 'forget outbox rows', run: () => outbox.forget(outboxRetentionDays) },
    { name: 'forget dead workers', run: () => recovery.forgetDead() },
    { name: 'shorten recovery', run: () => delivery.moveScanFrom() },
  ]
}
