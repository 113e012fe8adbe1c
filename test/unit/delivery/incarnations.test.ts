import { beforeEach, describe, expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import type { DeliveryJob } from '../../../src/delivery/delivery-job.ts'
import { noObserver } from '../../../src/delivery/delivery-observer.ts'
import { openIncarnation } from '../../../src/delivery/incarnation.ts'
import { Incarnations } from '../../../src/delivery/incarnations.ts'
import { MemoryLedgerStore } from '../../../src/delivery/memory-ledger.ts'
import { recover } from '../../../src/delivery/recovery.ts'
import { RecoverySweep } from '../../../src/delivery/recovery-sweep.ts'
import { noSteps } from '../../../src/delivery/steps.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import { claimRequest, settleRequest } from '../../support/ledger-contract.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'
import { KafkaDouble } from './kafka-double.ts'
import { silentLog } from './silent-log.ts'

let timers: ManualTimers
let kafka: KafkaDouble
let store: MemoryLedgerStore
let retired: string[]
let count: number
/** What the next renewals answer. */
let renewal: 'renewed' | 'lost'
let incarnations: Incarnations
let sweep: RecoverySweep

beforeEach(async () => {
  timers = new ManualTimers()
  kafka = new KafkaDouble()
  store = new MemoryLedgerStore()
  retired = []
  count = 0
  renewal = 'renewed'
  const ledger = store.recovery()
  sweep = new RecoverySweep({
    ledger,
    buryLapsed: () => incarnations.buryLapsed(),
    recover: (owner, signal) =>
      recover(owner, {
        ...{ ledger, signal, completions: kafka.completions, steps: noSteps, observer: noObserver, log: silentLog },
        fence: (id) => kafka.open(id),
        isReply: () => false,
        now: () => timers.now(),
      }),
    log: silentLog,
    timers,
    random: () => 0.5,
  })
  incarnations = new Incarnations({
    open: (onFailed) =>
      openIncarnation({
        id: `w${++count}`,
        ends: () => kafka.completions.ends(),
        takeSeat: (id, scanFrom) => ({
          ledger: store.join(id, scanFrom),
          lease: { open: async () => {}, renew: async () => renewal },
          reconcile: async () => {},
          buryLapsed: async () => {},
          moveScanFrom: async (positions) => store.moveScanFrom(id, positions),
        }),
        openPublisher: (id) => kafka.open(id),
        leaseMs: 9_000,
        delivery: {
          records: {
            ofOutcome: ({ completion, log }) => ({
              records: [
                {
                  topic: 'log',
                  key: Buffer.from(completion.requestId),
                  headers: { ce_id: completion.requestId },
                  value: Buffer.from('value'),
                },
              ],
              completionValue: Buffer.alloc(0),
              log,
              problem: null,
            }),
            ofRetry: () => Promise.reject(new Error('no retries here')) as never,
          },
          log: silentLog,
          timers,
        },
        onFailed,
        log: silentLog,
        timers,
      }),
    recover: (owner) => sweep.recoverOwner(owner),
    ledger,
    observer: { ...noObserver, retired: (reason) => void retired.push(reason) },
    log: silentLog,
    timers,
  })
  await incarnations.start()
})

function job(requestId: string): DeliveryJob {
  const source = { topic: 'model.requests', partition: 0, offset: 7 }
  const record = { ...source, key: null, value: Buffer.from('value'), headers: {}, timestamp: 1 }
  return { ...claimRequest(requestId), source, record, origin: null }
}

function outcome(requestId: string): Outcome {
  const input = { type: 'CompletionInput' as const, prompt: 'p' }
  return {
    request: completeDraft('ModelRequest', { requestId, input }),
    completion: completeDraft('ModelCompletion', { requestId, status: 'COMPLETED' }),
    performance: [],
    log: settleRequest(requestId, 0).log,
  }
}

/** Moves time on until the work is done. */
async function finish<T>(work: Promise<T>, maxMs = 20_000): Promise<T> {
  let isDone = false
  const note = () => {
    isDone = true
  }
  void work.then(note, note)
  for (let passed = 0; !isDone && passed <= maxMs; passed += 5) await timers.advance(5)
  if (!isDone) throw new Error('it did not end')
  return work
}

const keys = () => kafka.committed.map(({ key }) => key.toString())
const stateOf = (requestId: string) => store.stateOf({ tenant: 'default', requestId })?.state
const claim = (requestId: string) => finish(incarnations.claim(job(requestId)))
const publish = (requestId: string) => finish(incarnations.publish(outcome(requestId)))

test('work goes through the active incarnation', async () => {
  expect(await claim('a')).toMatchObject({ kind: 'claimed', token: 1 })
  await publish('a')
  expect(keys()).toEqual(['a'])
  expect(incarnations.activeId).toBe('w1')
})

describe.each(['lost-request', 'lost-answer'] as const)('after a failed transaction (%s)', (trouble) => {
  test('another incarnation takes new work, the old one is recovered, and all is published once', async () => {
    await claim('a')
    await claim('running')
    kafka.troubles.push(trouble)
    await expect(publish('a')).rejects.toMatchObject({ name: 'ClaimLost', result: 'held' })
    await timers.advance(1_000)
    expect(incarnations.activeId).toBe('w2')
    expect(retired).toEqual(['publishing-failed'])
    expect(await claim('a')).toEqual({ kind: 'published' })

    // New work does not wait for the running call; its outcome is stored under the old incarnation, and recovered.
    await claim('b')
    await publish('b')
    expect(incarnations.retiredCount).toBe(1)
    await expect(publish('running')).rejects.toMatchObject({ result: 'held' })
    await timers.advance(2_000)
    expect(await claim('running')).toEqual({ kind: 'published' })
    expect(keys().sort()).toEqual(['a', 'b', 'running'])
    expect(incarnations.retiredCount).toBe(0)
    expect(store.stateOf({ tenant: 'default', requestId: 'running' })).toMatchObject({ owner: 'w1', token: 1 })
  })
})

test('a running call may still begin attempts while the lease of its retired incarnation holds', async () => {
  await claim('a')
  await claim('b')
  kafka.troubles.push('lost-request')
  await publish('a').catch(() => {})
  expect(() => incarnations.assertMayCall(job('b'))).not.toThrow()
})

test('a lost lease: no attempt begins, the running call may still settle, and it is recovered', async () => {
  await claim('a')
  renewal = 'lost'
  await timers.advance(5_000)
  renewal = 'renewed'
  expect(retired).toEqual(['lease-lost'])
  expect(() => incarnations.assertMayCall(job('a'))).toThrow('lease')
  await expect(publish('a')).rejects.toMatchObject({ result: 'held' })
  await timers.advance(2_000)
  expect(stateOf('a')).toBe('PUBLISHED')
  expect(keys()).toEqual(['a'])
})

test('a claim that finds the lease lost is answered as an outage, not as the end of the worker', async () => {
  store.kill('w1')
  await expect(claim('a')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  await incarnations.release(job('a'))
  await timers.advance(1_000)
  expect(await claim('a')).toMatchObject({ kind: 'claimed' })
})

test('while Kafka is away nothing is claimed; then a new incarnation opens by itself', async () => {
  await claim('a')
  kafka.isAway = true
  await publish('a').catch(() => {})
  await timers.advance(30_000)
  expect(incarnations.activeId).toBeUndefined()
  await expect(incarnations.claim(job('b'))).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  kafka.isAway = false
  await timers.advance(10_000)
  expect(await claim('b')).toMatchObject({ kind: 'claimed' })
  expect(stateOf('a')).toBe('PUBLISHED')
  expect(incarnations.retiredCount).toBe(0)
})

test('a job that was accepted before its incarnation retired is claimed by the next', async () => {
  await claim('a')
  incarnations.accept(job('b'))
  kafka.troubles.push('lost-request')
  await publish('a').catch(() => {})
  await timers.advance(1_000)
  await claim('b')
  expect(store.stateOf({ tenant: 'default', requestId: 'b' })).toMatchObject({ owner: 'w2' })
  await publish('b')
  await timers.advance(1_000)
  expect(incarnations.retiredCount).toBe(0)
})

test('an id is never used twice, and a retired one is dead in the end', async () => {
  await claim('a')
  kafka.troubles.push('lost-answer')
  await publish('a').catch(() => {})
  await timers.advance(2_000)
  expect((await store.join('probe').claim([claimRequest('x')]))[0]?.kind).toBe('claimed')
  expect(count).toBe(2)
  expect(await kafka.open('w1').then((publisher) => publisher.publish([]))).toBeUndefined()
})

test('stop leaves what is unfinished to others, at once', async () => {
  await claim('a')
  await finish(incarnations.stop())
  expect((await store.join('other').claim([claimRequest('a')]))[0]).toMatchObject({ kind: 'claimed', unknownCount: 1 })
})

describe('the start of a scan', () => {
  test('moves to the ends of now in a moment of quiet, and outcomes wait for that moment', async () => {
    await claim('a')
    await publish('a')
    await claim('b')
    const moving = incarnations.moveScanFrom()
    await settle()
    expect(await finish(moving)).toBe(true)
    await publish('b')
    expect(await store.recovery().scanFrom('w1')).toEqual([{ topic: 'log', partition: 0, offset: '1' }])
  })

  test('does not move while an outcome is between its settlement and its mark', async () => {
    await claim('a')
    const open = kafka.completions.ends
    let publishing: Promise<void> | undefined
    kafka.refuses = () => {
      // Inside the transaction: the search for quiet must wait.
      publishing ??= incarnations.moveScanFrom().then(() => {})
      return false
    }
    await publish('a')
    await finish(publishing ?? Promise.reject(new Error('it was not asked')))
    expect(await store.recovery().scanFrom('w1')).toEqual(await open())
    expect(stateOf('a')).toBe('PUBLISHED')
  })
})

describe('the sweep', () => {
  test('recovers what the dead have left, and waits longer after failures', async () => {
    const dead = store.join('dead', await kafka.completions.ends())
    await dead.claim([claimRequest('a')])
    await dead.settle([settleRequest('a', 1, { outcome: Buffer.from([9]) })])
    store.kill('dead')
    sweep.start()
    await timers.advance(60_000)
    // Unreadable: 0, 2, 6, 14, 30 s and on.
    expect(kafka.fenceCount).toBeLessThan(8)
    expect(kafka.fenceCount).toBeGreaterThan(4)
    await finish(sweep.stop())
  })
})
