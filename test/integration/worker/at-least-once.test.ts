/** DELIVERY_MODE=at-least-once: results are published in transactions, and PostgreSQL hears nothing of requests. */
import { expect, it } from 'vitest'
import { withService } from '../../support/service.ts'

const service = withService()

it('serves requests without a row in ledger, lease or request log, and a repeat is known while the worker lives', async () => {
  const worker = await service.startWorker({ env: { DELIVERY_MODE: 'at-least-once' } })
  await service.registerOnDouble({ quick: { capabilities: ['CHAT'] } })
  const requests = Array.from({ length: 20 }, () => service.chat('quick'))
  for (const request of requests) await service.send(request)
  const ids = requests.map(({ requestId }) => requestId)
  const ended = await service.completions(ids)
  expect(ended.every(({ status }) => status === 'COMPLETED')).toBe(true)
  const [first] = requests
  if (first !== undefined) await service.send(first)
  await service.offsetsAtEnd('requests')
  expect((await service.readAll('completions')).length).toBe(ids.length)
  // Counted by the tables themselves: rows that were ever written, also if they were deleted again.
  await service.sql.query('SELECT pg_stat_force_next_flush()')
  const { rows } = await service.sql.query(
    `SELECT sum(n_tup_ins)::int AS written FROM pg_stat_user_tables
     WHERE relname IN ('request_ledger', 'workers') OR relname LIKE 'request_log%'`,
  )
  expect(rows).toEqual([{ written: 0 }])
  expect(await worker.stop()).toBe(0)
  // What was counted in memory is written at the end.
  const counted = await service.sql.query(
    'SELECT model, sum(requests)::int AS requests FROM model_performance GROUP BY 1',
  )
  expect(counted.rows).toEqual([{ model: 'quick', requests: ids.length }])
}, 90_000)
