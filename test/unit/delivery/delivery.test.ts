import { beforeEach, describe, expect, test, vi } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { Delivery } from '../../../src/delivery/delivery.ts'
import { ClaimLost, type DeliveryJob } from '../../../src/delivery/delivery-job.ts'
import { noObserver } from '../../../src/delivery/delivery-observer.ts'
import type { Ledger, SettleRequest } from '../../../src/delivery/ledger.ts'
import { MemoryLedgerStore } from '../../../src/delivery/memory-ledger.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { decodeOutgoingRecords } from '../../../src/delivery/outgoing-records-codec.ts'
import type { StepName } from '../../../src/delivery/steps.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import { claimRequest, settleRequest } from '../../support/ledger-contract.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'
import { silentLog } from './silent-log.ts'

const away = new ModelServiceError('DATABASE_UNAVAILABLE', 'away')
const noAnswer = new ModelServiceError('BROKER_UNAVAILABLE', 'no answer')

function job(requestId: string, offset = 7): DeliveryJob {
  const source = { topic: 'model.requests', partition: 0, offset }
  const record = { ...source, key: null, value: Buffer.from(`value ${requestId}`), headers: {}, timestamp: 1 }
  return { ...claimRequest(requestId), source, record, origin: null }
}

function outcome(requestId: string, offset = 7): Outcome {
  const input = { type: 'CompletionInput' as const, prompt: 'p' }
  const { log } = settleRequest(requestId, 0)
  return {
    request: completeDraft('ModelRequest', { requestId, input }),
    completion: completeDraft('ModelCompletion', { requestId, status: 'COMPLETED' }),
    performance: [],
    log: { ...log, source: { topic: 'model.requests', partition: 0, offset } },
  }
}

let timers: ManualTimers
let store: MemoryLedgerStore
let ledger: Ledger
let transactions: OutgoingRecord[][]
let steps: StepName[]
let settled: SettleRequest[]
let retried: number[]
const publish = vi.fn<(records: readonly OutgoingRecord[]) => Promise<void>>()
const onFatal = vi.fn<(error: Error) => void>()

function recordOf(text: string): OutgoingRecord {
  return { topic: 'model.completions', key: Buffer.from(text), headers: {}, value: Buffer.from(text) }
}

function makeDelivery(over: Partial<Ledger> = {}): Delivery {
  return new Delivery({
    ledger: { ...ledger, ...over },
    publisher: { publish },
    records: {
      ofOutcome: ({ completion, log }) => ({
        records: [recordOf(completion.requestId)],
        completionValue: Buffer.from('completion'),
        log,
        problem: null,
      }),
      ofRetry: (job, { retry }) => ({ ...recordOf(`${job.requestId} ${retry}`), topic: 'retry' }),
    },
    retryDelaysMs: [10_000, 60_000],
    observer: { ...noObserver, retried: (retry) => void retried.push(retry) },
    steps: { reached: (name) => void steps.push(name) },
    log: silentLog,
    onFatal,
    timers,
  })
}

beforeEach(() => {
  timers = new ManualTimers()
  store = new MemoryLedgerStore()
  const joined = store.join('me')
  settled = []
  retried = []
  ledger = {
    ...joined,
    settle(requests) {
      settled.push(...requests)
      return joined.settle(requests)
    },
  }
  transactions = []
  steps = []
  publish.mockReset().mockImplementation(async (records) => void transactions.push([...records]))
  onFatal.mockReset()
})

/** Moves time on until the work is done. */
async function finish<T>(work: Promise<T>, maxMs = 1_000): Promise<T> {
  let done = false
  void work.then(
    () => (done = true),
    () => (done = true),
  )
  for (let passed = 0; !done && passed <= maxMs; passed += 5) await timers.advance(5)
  if (!done) throw new Error('it did not end')
  return work
}

describe('the way of an outcome', () => {
  test('claimed, settled, published, marked, in this order', async () => {
    const delivery = makeDelivery()
    expect(await finish(delivery.claim(job('r')))).toMatchObject({ kind: 'claimed', token: 1 })
    await finish(delivery.publish(outcome('r')))
    expect(steps).toEqual(['claimed', 'called', 'settled', 'marked'])
    expect(transactions).toEqual([[recordOf('r')]])
    expect(decodeOutgoingRecords(settled[0]?.outcome ?? Buffer.alloc(0))).toEqual([recordOf('r')])
    expect(settled[0]?.bodies).toEqual({ request: Buffer.from('value r'), completion: Buffer.from('completion') })
    expect(await finish(delivery.claim(job('r')))).toEqual({ kind: 'published' })
  })

  test('many outcomes share statements and transactions', async () => {
    const claim = vi.fn(ledger.claim)
    const mark = vi.fn(ledger.mark)
    const delivery = makeDelivery({ claim, mark })
    const ids = Array.from({ length: 20 }, (_, index) => `r${index}`)
    await finish(Promise.all(ids.map((id) => delivery.claim(job(id)))))
    await finish(Promise.all(ids.map((id) => delivery.publish(outcome(id)))))
    expect(claim).toHaveBeenCalledTimes(1)
    expect(transactions.map((records) => records.length)).toEqual([20])
    expect(mark).toHaveBeenCalledTimes(1)
  })

  test('one that needed no call is claimed on the way', async () => {
    const delivery = makeDelivery()
    delivery.accept(job('r'))
    await finish(delivery.publish(outcome('r')))
    expect(settled[0]?.token).toBe(1)
    expect(transactions).toHaveLength(1)
  })

  test('an outcome of a request that was never accepted is refused', async () => {
    await expect(makeDelivery().publish(outcome('r'))).rejects.toMatchObject({ code: 'INTERNAL_ERROR' })
  })

  test.each<['published' | 'held' | 'mismatch', () => Promise<void>]>([
    [
      'published',
      async () => {
        const other = store.join('other')
        await other.claim([claimRequest('r')])
        await other.settle([settleRequest('r', 1)])
        await other.mark([{ tenant: 'default', requestId: 'r', token: 1 }])
      },
    ],
    ['held', async () => void (await store.join('other').claim([claimRequest('r')]))],
    ['mismatch', async () => void (await store.join('other').claim([claimRequest('r', { payloadHash: 'v1:0' })]))],
  ])('without a call and %s elsewhere: dropped, nothing is published', async (result, prepare) => {
    await prepare()
    const delivery = makeDelivery()
    delivery.accept(job('r'))
    await expect(finish(delivery.publish(outcome('r')))).rejects.toMatchObject({ name: 'ClaimLost', result })
    expect(transactions).toEqual([])
    expect(delivery.failed).toBe(false)
  })

  test('a zombie drops its outcome', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    store.kill('me')
    await store.join('other').claim([claimRequest('r')])
    await expect(finish(delivery.publish(outcome('r')))).rejects.toBeInstanceOf(ClaimLost)
    expect(transactions).toEqual([])
  })
})

describe('the same id twice', () => {
  test('a twin of a claimed job is held, and its outcome cannot end the first', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r', 7)))
    expect(await delivery.claim(job('r', 9))).toMatchObject({ kind: 'held' })
    await expect(delivery.publish(outcome('r', 9))).rejects.toMatchObject({ result: 'held' })
    await delivery.release(job('r', 9))
    await finish(delivery.publish(outcome('r', 7)))
    expect(transactions).toHaveLength(1)
  })

  test('the same record again, while its call runs, is held', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    expect(await delivery.claim(job('r'))).toMatchObject({ kind: 'held' })
  })
})

describe('a released job', () => {
  test('gives its claim up', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    await delivery.release(job('r'))
    expect(await store.join('other').claim([claimRequest('r')])).toMatchObject([{ kind: 'claimed' }])
  })

  test('is kept when its outcome is on the way', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    const published = delivery.publish(outcome('r'))
    await delivery.release(job('r'))
    await finish(published)
    expect(transactions).toHaveLength(1)
  })

  test('waits for a database that is away', async () => {
    const release = vi.fn(ledger.release).mockRejectedValueOnce(away)
    const delivery = makeDelivery({ release })
    await finish(delivery.claim(job('r')))
    await finish(delivery.release(job('r'), 1))
    expect(release).toHaveBeenCalledTimes(2)
    expect(await store.join('other').claim([claimRequest('r')])).toMatchObject([
      { kind: 'claimed', attemptBase: 1, unknownCount: 1 },
    ])
  })
})

describe('while the database is away', () => {
  test('a claim says so and may be asked again', async () => {
    const claim = vi.fn(ledger.claim).mockRejectedValueOnce(away)
    const delivery = makeDelivery({ claim })
    await expect(finish(delivery.claim(job('r')))).rejects.toBe(away)
    expect(await finish(delivery.claim(job('r')))).toMatchObject({ kind: 'claimed' })
  })

  test('paid outcomes wait in memory, however long, and are published once', async () => {
    let gone = true
    const delivery = makeDelivery({ settle: (requests) => (gone ? Promise.reject(away) : ledger.settle(requests)) })
    await finish(delivery.claim(job('r')))
    const published = delivery.publish(outcome('r'))
    await timers.advance(120_000)
    expect(transactions).toEqual([])
    gone = false
    await finish(published, 10_000)
    expect(transactions).toHaveLength(1)
  })

  test('a mark that fails is repeated, the transaction is not', async () => {
    const mark = vi.fn(ledger.mark).mockRejectedValueOnce(away).mockRejectedValueOnce(away)
    const delivery = makeDelivery({ mark })
    await finish(delivery.claim(job('r')))
    await finish(delivery.publish(outcome('r')))
    expect(mark).toHaveBeenCalledTimes(3)
    expect(transactions).toHaveLength(1)
  })
})

describe('after a failed transaction', () => {
  test('nothing is published or claimed any more, and it is told once', async () => {
    publish.mockRejectedValueOnce(noAnswer)
    const delivery = makeDelivery()
    await finish(Promise.all(['a', 'b', 'c'].map((id) => delivery.claim(job(id)))))
    await expect(finish(delivery.publish(outcome('a')))).rejects.toMatchObject({ result: 'held' })
    await expect(finish(delivery.publish(outcome('b')))).rejects.toMatchObject({ result: 'held' })
    expect(publish).toHaveBeenCalledTimes(1)
    expect(onFatal).toHaveBeenCalledTimes(1)
    expect(delivery.failed).toBe(true)
    expect(await delivery.claim(job('d'))).toEqual({ kind: 'lease-lost' })
  })

  test('outcomes of calls still running are settled, so that they can be recovered', async () => {
    publish.mockRejectedValueOnce(noAnswer)
    const delivery = makeDelivery()
    await finish(Promise.all(['a', 'b'].map((id) => delivery.claim(job(id)))))
    await finish(delivery.publish(outcome('a'))).catch(() => {})
    await finish(delivery.publish(outcome('b'))).catch(() => {})
    expect(settled.map(({ requestId }) => requestId)).toEqual(['a', 'b'])
  })

  test('what is in doubt is neither released nor called again', async () => {
    publish.mockRejectedValueOnce(noAnswer)
    const delivery = makeDelivery()
    await finish(delivery.claim(job('a')))
    await finish(delivery.publish(outcome('a'))).catch(() => {})
    await delivery.release(job('a'))
    expect(await store.join('other').claim([claimRequest('a')])).toMatchObject([{ kind: 'held', owner: 'me' }])
  })
})

describe('a failure that may pass', () => {
  const failed = (requestId: string, changes: Partial<ModelRequestDraft> = {}): Outcome => {
    const made = outcome(requestId)
    const error = new ModelServiceError('PROVIDER_UNAVAILABLE', 'away').toDetail()
    const completion = completeDraft('ModelCompletion', {
      ...{ requestId, status: 'FAILED', error },
      attempts: [{ number: 1, token: 1, outcome: 'FAILED', error }],
    })
    return { ...made, request: { ...made.request, ...changes } as Outcome['request'], completion }
  }

  test('goes to a retry topic, and only the record of that retry claims it again', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    await finish(delivery.publish(failed('r')))
    expect(transactions).toEqual([[{ ...recordOf('r 1'), topic: 'retry' }]])
    expect(settled).toMatchObject([{ retry: 1, attemptCount: 1, log: null }])
    expect(await finish(delivery.claim(job('r')))).toEqual({ kind: 'retrying' })
    const retry = { ...job('r', 99), retry: 1 }
    expect(await finish(delivery.claim(retry))).toMatchObject({
      ...{ kind: 'claimed', token: 2, attemptBase: 1, unknownCount: 0, retry: 1 },
      priorAttempts: [{ number: 1, outcome: 'FAILED' }],
    })
    await finish(delivery.publish(outcome('r', 99)))
    expect(transactions).toHaveLength(2)
    expect(await finish(delivery.claim(retry))).toEqual({ kind: 'published' })
  })

  test('in an ordered topic waits in place, with nothing published, and ends after the last delay', async () => {
    const delivery = makeDelivery()
    const inPlace = { ...job('r'), inPlace: true }
    for (const [index, delayMs] of [10_000, 60_000].entries()) {
      expect(await finish(delivery.claim(inPlace))).toMatchObject({ kind: 'claimed', retry: index })
      const ended = finish(delivery.publish(failed('r')))
      await expect(ended).rejects.toMatchObject({ name: 'RetryInPlace', retry: index + 1, delayMs })
    }
    expect(transactions).toEqual([])
    expect(retried).toEqual([1, 2])
    await finish(delivery.claim(inPlace))
    await finish(delivery.publish(failed('r')))
    expect(transactions).toEqual([[recordOf('r')]])
  })

  test('is terminal when the next try would come after the deadline', async () => {
    const delivery = makeDelivery()
    await finish(delivery.claim(job('r')))
    await finish(delivery.publish(failed('r', { deadline: Date.now() + 9_000 })))
    expect(transactions).toEqual([[recordOf('r')]])
  })
})

test('a lost lease is fatal', async () => {
  store.kill('me')
  const delivery = makeDelivery()
  expect(await finish(delivery.claim(job('r')))).toEqual({ kind: 'lease-lost' })
  expect(onFatal).toHaveBeenCalledTimes(1)
})

test('drain waits for all that was handed over, without the linger', async () => {
  const delivery = makeDelivery()
  await finish(delivery.claim(job('r')))
  const published = delivery.publish(outcome('r'))
  await settle()
  let drained = false
  const drain = delivery.drain().then(() => {
    drained = true
  })
  await finish(drain)
  expect(drained).toBe(true)
  expect(transactions).toHaveLength(1)
  await published
  await delivery.drain()
})
