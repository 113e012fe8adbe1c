/** What happens to requests that wait in a lane while all slots are taken. */
import { beforeAll, describe, expect, it } from 'vitest'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const inHand = 'model_service_intake_records{consumer="requests",state="waiting"}'

beforeAll(async () => {
  await service.startWorker({ env: { MAX_CONCURRENT_REQUESTS_COUNT: '1' } })
  await service.registerOnDouble({
    quick: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-2500' },
  })
})

/** Takes the only slot, and gives a request that waits behind it. */
async function waiting(rest: { deadline?: number }) {
  const [worker] = service.workers
  const first = service.chat('slow')
  const before = service.double.ledger.countOf('double-delay-2500')
  await service.send(first)
  await until(() => service.double.ledger.countOf('double-delay-2500') > before, 'the slot to be taken')
  const second = service.chat('quick', rest)
  await service.send(second)
  await until(async () => (await scrape(worker?.healthUrl ?? '')).get(inHand) === 1, 'the request to wait')
  return { first, second }
}

describe('a request that waits for a slot', () => {
  it('until its deadline has passed ends EXPIRED without a call', async () => {
    const { first, second } = await waiting({ deadline: Date.now() + 1_500 })
    const ended = await service.completions([first.requestId, second.requestId])
    expect(ended.map(({ status }) => status)).toEqual(['COMPLETED', 'EXPIRED'])
    expect(ended[1]).toMatchObject({ attempts: [], error: { code: 'DEADLINE_EXCEEDED' } })
    expect(service.double.ledger.countOf('double-chat')).toBe(0)
  })

  it('and is cancelled meanwhile ends CANCELLED without a call', async () => {
    const { first, second } = await waiting({})
    expect(await service.command({ type: 'CancelRequest', requestId: second.requestId })).toMatchObject({
      status: 'APPLIED',
    })
    const ended = await service.completions([first.requestId, second.requestId])
    expect(ended.map(({ status }) => status)).toEqual(['COMPLETED', 'CANCELLED'])
    expect(service.double.ledger.countOf('double-chat')).toBe(0)
  })
})
