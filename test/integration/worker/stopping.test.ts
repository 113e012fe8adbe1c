/** Ends that do not wait for the calls that run. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { WorkerProcess } from '../../../scripts/quickstart/start-worker.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const model = 'double-delay-5000'

beforeAll(async () => {
  const worker = await service.startWorker()
  await service.registerOnDouble({
    slow: { capabilities: ['CHAT'], providerModel: model },
    limited: { capabilities: ['CHAT'], providerModel: 'double-status-429' },
  })
  await worker.stop()
})

/** A worker with a call that runs. */
async function busyWorker(env: Record<string, string> = {}) {
  const worker = await service.startWorker({ env })
  const calls = service.double.ledger.countOf(model)
  const request = service.chat('slow')
  await service.send(request)
  await until(() => service.double.ledger.countOf(model) > calls, 'the call to begin')
  return { worker, request }
}

function drains({ log }: WorkerProcess): Promise<void> {
  return until(() => readFileSync(log, 'utf8').includes('The worker drains'), 'the worker to drain')
}

describe('a worker that may not wait', () => {
  it('cuts its calls off after DRAIN_TIMEOUT_MS and leaves their requests to the next, which accounts for both calls', async () => {
    const { worker, request } = await busyWorker({ DRAIN_TIMEOUT_MS: '300' })
    const askedAt = performance.now()
    expect(await worker.stop()).toBe(0)
    expect(performance.now() - askedAt).toBeLessThan(6_000)
    expect(await service.readRecords('completions')).toEqual([])

    await service.startWorker()
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', token: expect.toSatisfy((token: number) => token > 1) })
    expect(completion?.attempts.map(({ outcome }) => outcome)).toEqual(['UNKNOWN', 'SUCCEEDED'])
    expect(completion?.cost).toMatchObject({ amount: null, unknownReason: 'OUTCOME_UNKNOWN' })
    const keys = service.double.ledger.list().map(({ idempotencyKey }) => idempotencyKey)
    expect(new Set(keys).size).toBe(keys.length)
    for (const other of service.workers) await other.stop()
  })

  it('does not wait for a further try that would come late, and sends its request to a retry topic', async () => {
    const worker = await service.startWorker({ env: { DRAIN_TIMEOUT_MS: '1500', RETRY_DELAYS_MS: '60000' } })
    const request = service.chat('limited')
    await service.send(request)
    await until(() => service.double.ledger.countOf('double-status-429') > 0, 'the call to be made')
    expect(await worker.stop()).toBe(0)
    const calls = service.double.ledger.countOf('double-status-429')
    const { rows } = await service.sql.query<{ state: string; attempts: string }>(
      'SELECT state, attempts FROM request_ledger WHERE request_id = $1',
      [request.requestId],
    )
    // It waits in the retry topic, with all its calls known; it is not with an owner who was cut off.
    expect(rows).toMatchObject([{ state: 'RETRYING' }])
    expect(JSON.parse(rows[0]?.attempts ?? '')).toMatchObject(Array(calls).fill({ outcome: 'FAILED' }))
  })

  it('ends at once on a second SIGTERM', async () => {
    const { worker } = await busyWorker()
    void worker.stop()
    await drains(worker)
    const askedAt = performance.now()
    expect(await worker.stop()).toBe(143)
    expect(performance.now() - askedAt).toBeLessThan(1_000)
  })
})
