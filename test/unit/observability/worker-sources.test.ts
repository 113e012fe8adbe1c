import { describe, expect, test, vi } from 'vitest'
import { Metrics } from '../../../src/observability/metrics.ts'
import { addConsumerSource, addDatabaseSource } from '../../../src/observability/worker-sources.ts'

const partition = { topic: 'model.requests', partition: 2, lowWatermark: 7, unfinishedCount: 3 }
const requests = {
  inHandCount: 5,
  inHandBytes: 1_000,
  waitingCount: 2,
  runningCount: 3,
  isPaused: true,
  databaseAway: true,
  registryAway: false,
  partitions: [{ ...partition, committed: 6, highWatermark: 20 }],
}
const commands = { inHandCount: 1, partitions: [] }
const limits = { windowCount: 1_000, windowBytes: 64, maxConcurrentRequests: 8 }

describe('the consumers', () => {
  test('tell what is in hand, of how much, and what they wait for', async () => {
    const metrics = new Metrics({ process: false })
    addConsumerSource(metrics, { requests: () => requests, commands: () => commands, limits })
    const text = await metrics.render()
    expect(text).toContain('model_service_intake_records{consumer="requests",state="in_hand"} 5')
    expect(text).toContain('model_service_intake_records_limit{consumer="requests",state="running"} 8')
    expect(text).toContain('model_service_intake_records{consumer="commands",state="in_hand"} 1')
    expect(text).toContain('model_service_intake_paused{consumer="requests"} 1')
    expect(text).toContain('model_service_dependency_away{dependency="database"} 1')
    expect(text).toContain('model_service_dependency_away{dependency="schema_registry"} 0')
  })

  test('tell the lag of the partitions that they have now, once it is known', async () => {
    const metrics = new Metrics({ process: false })
    const label = 'consumer="requests",topic="model.requests",partition="2"'
    let partitions: (typeof partition & { committed: number | null; highWatermark: number | null })[] = []
    addConsumerSource(metrics, { requests: () => ({ ...requests, partitions }), commands: () => commands, limits })
    const lag = async () => /lag_records\{(.+)\} (\d+)/.exec(await metrics.render())?.slice(1) ?? null
    for (const [committed, highWatermark, expected] of [
      [6, 20, '14'],
      [null, 20, '13'],
      [null, null, null],
    ] as const) {
      partitions = [{ ...partition, committed, highWatermark }]
      expect(await lag()).toEqual(expected === null ? null : [label, expected])
    }
    partitions = []
    expect(await lag()).toBeNull()
  })
})

describe('the database', () => {
  const answers = () =>
    vi.fn(async (sql: string) =>
      sql.includes('outbox')
        ? { rows: [{ count: 2, oldestSeconds: 1.5 }] }
        : { rows: [{ state: 'SETTLED', count: 4, oldestSeconds: 9 }] },
    )

  test('tells of unfinished work, and 0 where there is none', async () => {
    const metrics = new Metrics({ process: false })
    addDatabaseSource(metrics, { query: answers() } as never)
    const text = await metrics.render()
    expect(text).toContain('model_service_ledger_unfinished_requests{state="SETTLED"} 4')
    expect(text).toContain('model_service_ledger_unfinished_requests{state="CLAIMED"} 0')
    expect(text).toContain('model_service_ledger_oldest_unfinished_seconds{state="SETTLED"} 9')
    expect(text).toContain('model_service_outbox_unpublished_records 2')
    expect(text).toContain('model_service_outbox_oldest_unpublished_seconds 1.5')
  })

  test('is not asked again for a while, and asked again after a failure', async () => {
    const metrics = new Metrics({ process: false })
    const query = answers()
    addDatabaseSource(metrics, { query } as never)
    query.mockRejectedValueOnce(new Error('away'))
    expect(await metrics.render()).not.toMatch(/^model_service_outbox_unpublished_records/m)
    await metrics.render()
    const asked = query.mock.calls.length
    expect(await metrics.render()).toContain('model_service_outbox_unpublished_records 2')
    expect(query.mock.calls.length).toBe(asked)
  })
})
