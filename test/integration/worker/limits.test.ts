/** The limits of a provider hold over all workers, and who is over them waits. */
import { beforeAll, expect, it } from 'vitest'
import type { LimitsDraft } from '../../../src/contract/types.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const inForce = 'model_service_limit_in_force{provider="double",limit="requests_per_minute"}'
const waiting = 'model_service_limit_waiting_requests{provider="double"}'

beforeAll(async () => {
  await Promise.all([service.startWorker(), service.startWorker()])
  await service.registerOnDouble({ talker: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

const setLimits = (limits: LimitsDraft) => service.command({ type: 'SetLimits', provider: 'double', limits })

async function ofWorkers(name: string): Promise<(number | undefined)[]> {
  const samples = await Promise.all(service.workers.map(({ healthUrl }) => scrape(healthUrl)))
  return samples.map((sample) => sample.get(name))
}

it('two workers share the requests of a minute, be it one; the others wait, and go on when the limit is raised', async () => {
  const callCount = () => service.double.ledger.countOf('double-chat')
  const waitingCount = async () => (await ofWorkers(waiting)).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  await setLimits({ requestsPerMinute: 1 })
  const requests = Array.from({ length: 30 }, () => service.chat('talker'))
  for (const request of requests) await service.send(request)
  const shares = async () => (await ofWorkers(inForce)).sort()
  await until(async () => String(await shares()) === '0,1', 'the shares of both workers to be the limit')

  await setLimits({ requestsPerMinute: 8 })
  await until(async () => (await ofWorkers(inForce)).every((share) => share === 4), 'both workers to hear of it')
  await until(async () => callCount() + (await waitingCount()) === requests.length, 'all to be called or to wait')
  expect(callCount()).toBe(8)

  await setLimits({})
  const ended = await service.completions(requests.map(({ requestId }) => requestId))
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['COMPLETED']))
  expect(callCount()).toBe(requests.length)
  expect(ended.some(({ routing }) => routing?.reasons.at(-1)?.startsWith('waited ') === true)).toBe(true)
})
