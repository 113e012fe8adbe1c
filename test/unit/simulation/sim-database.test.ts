/** What the simulated database does is what PostgreSQL does, as far as the contract of the ledger can tell. */
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import { describeLedger } from '../../support/ledger-contract.ts'
import { Scheduler } from './scheduler.ts'
import { SimDatabase } from './sim-database.ts'

describeLedger('PostgresLedger over the simulated database', async () => {
  const database = new SimDatabase(new Scheduler(1))
  const pool = database.directPool()
  const leaseOf = (id: string) =>
    new PostgresLease({ pool, id, host: 'h', pid: 1, leaseMs: 10_000, schemaVersion: '1', now: () => 0 })
  return {
    join: async (workerId) => {
      await leaseOf(workerId).open([])
      return new PostgresLedger({ pool, owner: workerId })
    },
    kill: (workerId) => leaseOf(workerId).markDead(),
    close: async () => {},
  }
})
