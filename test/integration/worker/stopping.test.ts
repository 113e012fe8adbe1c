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
  await service.registerOnDouble({ slow: { capabilities: ['CHAT'], providerModel: model } })
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

  it('ends at once on a second SIGTERM', async () => {
    const { worker } = await busyWorker()
    void worker.stop()
    await drains(worker)
    const askedAt = performance.now()
    expect(await worker.stop()).toBe(143)
    expect(performance.now() - askedAt).toBeLessThan(1_000)
  })
})
