import { describe, expect, it } from 'vitest'
import type { Outcome, RequestLogRow } from '../../../src/model-service/ports/outcome.ts'
import { PostgresPerformanceTracker } from '../../../src/registry/postgres-performance-tracker.ts'
import { logRow } from '../../support/log-row.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'
import { fakeLog } from '../model-service/fakes.ts'

const outcome = (changes: Partial<RequestLogRow> = {}) => ({ log: logRow(changes) }) as Outcome

function build({ maxRowCount = 10 } = {}) {
  const timers = new ManualTimers()
  const { log, lines } = fakeLog()
  const written: unknown[][] = []
  const database = { isAway: false }
  const pool = {
    query: async (_: string, values: unknown[]) => {
      if (database.isAway) throw new Error('away')
      written.push(values)
    },
  }
  const tracker = new PostgresPerformanceTracker({ pool: pool as never, log, timers, maxRowCount })
  tracker.start()
  return { tracker, timers, written, database, lines }
}

describe('PostgresPerformanceTracker', () => {
  it('writes once a second what was counted, in one statement, and nothing where there is nothing', async () => {
    const { tracker, timers, written } = build()
    for (let count = 0; count < 3; count++) tracker.record(outcome())
    tracker.record(outcome({ model: 'n', status: 'FAILED', errorCode: 'PROVIDER_ERROR' }))
    tracker.record(outcome({ status: 'CANCELLED' }))
    await timers.advance(999)
    expect(written).toEqual([])
    await timers.advance(1)
    expect(written).toHaveLength(1)
    const [models, , days, currencies, requests, successes, latencies, costs, priced, qualities, weights] =
      written[0] ?? []
    expect({ models, days, currencies, requests, successes, latencies, costs, priced, qualities, weights }).toEqual({
      models: ['m', 'n'],
      days: ['2026-11-24', '2026-11-24'],
      currencies: ['USD', 'USD'],
      requests: [3, 1],
      successes: [3, 0],
      latencies: [300, 0],
      costs: ['0.3', '0.1'],
      priced: [3, 1],
      qualities: ['2.700000', '0.000000'],
      weights: [3, 0],
    })
    await timers.advance(5_000)
    expect(written).toHaveLength(1)
  })

  it('keeps what the database did not take, and writes it with what came meanwhile', async () => {
    const { tracker, timers, written, database, lines } = build()
    tracker.record(outcome())
    database.isAway = true
    await timers.advance(1_000)
    tracker.record(outcome())
    expect(lines).toMatchObject([{ level: 'warn', fields: { rowCount: 1 } }])
    database.isAway = false
    await timers.advance(1_000)
    expect(written).toMatchObject([{ 4: [2] }])
  })

  it('writes what is left when it is stopped, and never again', async () => {
    const { tracker, timers, written } = build()
    tracker.record(outcome())
    await tracker.stop()
    expect(written).toHaveLength(1)
    expect(timers.pendingCount).toBe(0)
  })

  it('bounds what it keeps, counts on what it has, and says how much is lost', async () => {
    const { tracker, timers, written, database, lines } = build({ maxRowCount: 2 })
    database.isAway = true
    for (const model of ['a', 'b', 'c', 'd', 'a']) tracker.record(outcome({ model }))
    await timers.advance(1_000)
    expect(lines.find(({ level }) => level === 'error')).toMatchObject({ fields: { rowCount: 2 } })
    database.isAway = false
    await timers.advance(1_000)
    expect(written).toMatchObject([{ 0: ['a', 'b'], 4: [2, 1] }])
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('writes many rows in several statements', async () => {
    const { tracker, timers, written } = build({ maxRowCount: 2_000 })
    for (let index = 0; index < 1_200; index++) tracker.record(outcome({ model: `m-${index}` }))
    await timers.advance(1_000)
    expect(written.map(({ 0: models }) => (models as string[]).length)).toEqual([500, 500, 200])
  })
})
