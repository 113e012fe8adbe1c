/** CancelRequest: wherever the request is, and whichever worker is given the command. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { WorkerProcess } from '../../../scripts/quickstart/start-worker.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const cancel = (requestId: string, reason?: string) =>
  service.command({ type: 'CancelRequest', requestId, ...(reason === undefined ? {} : { reason }) })

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({
    quick: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-30000' },
  })
})

describe('a request that runs', () => {
  it('is cut off within 2 s, also where the command went to another worker', async () => {
    await service.startWorker()
    const requests = await runOnBoth()
    const reader = await withCommands()
    expect(service.workers.filter((worker) => worker !== reader)).toHaveLength(1)

    const results = await Promise.all(requests.map(({ requestId }) => cancel(requestId, 'not needed any more')))
    expect(results.map(({ status }) => status)).toEqual(requests.map(() => 'APPLIED'))
    const ended = await service.completions(requests.map(({ requestId }) => requestId))
    for (const [index, completion] of ended.entries()) {
      expect(completion).toMatchObject({
        status: 'CANCELLED',
        error: { code: 'CANCELLED', message: expect.stringContaining('not needed any more') },
      })
      expect(completion.attempts).toHaveLength(1)
      expect((completion.timings.finishedAt ?? 0) - (results[index]?.occurredAt ?? 0)).toBeLessThan(2_000)
    }
    await service.offsetsAtEnd('requests')
  })

  /** Requests whose calls run, at least one at each worker. */
  async function runOnBoth() {
    await until(async () => (await partitionCounts()).every((count) => count > 0), 'both workers to have partitions')
    const requests = Array.from({ length: 16 }, () => service.chat('slow'))
    await Promise.all(requests.map((request) => service.send(request)))
    await until(async () => {
      const counts = await Promise.all(service.workers.map(runningCount))
      return counts.every((count) => count > 0) && counts.reduce((sum, count) => sum + count) === requests.length
    }, 'all calls to run, some at each worker')
    return requests
  }

  async function withCommands(): Promise<WorkerProcess | undefined> {
    for (const worker of service.workers) {
      const names = [...(await scrape(worker.healthUrl)).keys()]
      if (names.some((name) => name.startsWith('model_service_consumer_unfinished_records{consumer="commands"'))) {
        return worker
      }
    }
    return undefined
  }

  async function runningCount({ healthUrl }: WorkerProcess): Promise<number> {
    return (await scrape(healthUrl)).get('model_service_intake_records{consumer="requests",state="running"}') ?? 0
  }

  function partitionCounts(): Promise<number[]> {
    return Promise.all(
      service.workers.map(async ({ healthUrl }) => {
        const names = [...(await scrape(healthUrl)).keys()]
        return names.filter((name) => name.startsWith('model_service_consumer_unfinished_records{consumer="requests"'))
          .length
      }),
    )
  }
})

describe('a request that has not begun', () => {
  it('and that nobody knows yet ends CANCELLED at its arrival, without a call', async () => {
    const request = service.chat('quick')
    expect(await cancel(request.requestId, 'never mind')).toMatchObject({ status: 'APPLIED' })
    const calls = service.double.ledger.list().length
    await service.send(request)
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'CANCELLED', attempts: [], error: { code: 'CANCELLED' } })
    expect(completion?.error?.message).toContain('never mind')
    expect(service.double.ledger.list().length).toBe(calls)
  })

  it('of another tenant is another request', async () => {
    const requestId = randomUUID()
    await service.command({ type: 'CancelRequest', requestId, requestTenant: 'other' })
    await service.send(service.chat('quick', { requestId }))
    expect((await service.completions([requestId]))[0]?.status).toBe('COMPLETED')
  })
})

describe('a request that has ended', () => {
  it('stays as it is', async () => {
    const request = service.chat('quick')
    await service.send(request)
    await service.completions([request.requestId])
    expect(await cancel(request.requestId)).toMatchObject({ status: 'UNCHANGED', error: null })
    const records = (await service.readRecords('completions')).filter(
      ({ record }) => record.requestId === request.requestId,
    )
    expect(records.map(({ record }) => record.status)).toEqual(['COMPLETED'])
  })
})
