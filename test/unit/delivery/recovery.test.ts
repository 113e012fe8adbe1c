import { beforeEach, describe, expect, test } from 'vitest'
import { type DeliveryAlarm, noObserver } from '../../../src/delivery/delivery-observer.ts'
import { MemoryLedgerStore } from '../../../src/delivery/memory-ledger.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { encodeOutgoingRecords } from '../../../src/delivery/outgoing-records-codec.ts'
import { type RecoveryOptions, type RecoveryReport, recover } from '../../../src/delivery/recovery.ts'
import type { StepName } from '../../../src/delivery/steps.ts'
import { claimRequest, settleRequest } from '../../support/ledger-contract.ts'
import { KafkaDouble } from './kafka-double.ts'
import { silentLog } from './silent-log.ts'

let kafka: KafkaDouble
let store: MemoryLedgerStore
let steps: StepName[]
let alarms: DeliveryAlarm[]
let logged: string[]

beforeEach(() => {
  kafka = new KafkaDouble()
  store = new MemoryLedgerStore()
  steps = []
  alarms = []
  logged = []
})

function recordOf(id: string, topic = 'log'): OutgoingRecord {
  return { topic, key: Buffer.from(id), headers: { ce_id: `ce-${id}` }, value: Buffer.from(id) }
}

/** What the dead owner `d` has settled. */
async function settle(ids: readonly string[], outcome = (id: string) => encodeOutgoingRecords([recordOf(id)])) {
  const ledger = store.join('d', await kafka.completions.ends())
  await ledger.claim(ids.map((id) => claimRequest(id)))
  await ledger.settle(ids.map((id) => settleRequest(id, 1, { outcome: outcome(id) })))
}

function recoverD(changes: Partial<RecoveryOptions> = {}): Promise<RecoveryReport> {
  return recover('d', {
    fence: (owner) => kafka.open(owner),
    ledger: store.recovery(),
    completions: kafka.completions,
    isReply: ({ topic }) => topic === 'reply',
    onReduced: ({ topic }) => void logged.push(topic),
    observer: { ...noObserver, alarm: (what) => void alarms.push(what) },
    steps: { reached: (name) => void steps.push(name) },
    log: silentLog,
    signal: new AbortController().signal,
    now: () => 0,
    ...changes,
  })
}

const stateOf = (requestId: string) => store.stateOf({ tenant: 'default', requestId })?.state
const keys = () => kafka.committed.map(({ key }) => key.toString())

describe('a recovery', () => {
  test('fences, reads, scans, and publishes only what is missing', async () => {
    await settle(['a', 'b', 'c'])
    const d = await kafka.open('d')
    await d.publish([recordOf('b')])
    expect(await recoverD()).toEqual({ foundCount: 3, republishedCount: 2, leftCount: 0 })
    expect(keys()).toEqual(['b', 'a', 'c'])
    expect(steps.slice(0, 4)).toEqual(['fenced', 'read', 'scanned', 'republished'])
    expect(['a', 'b', 'c'].map(stateOf)).toEqual(['PUBLISHED', 'PUBLISHED', 'PUBLISHED'])
    await expect(d.publish([recordOf('late')])).rejects.toMatchObject({ reason: 'fenced' })
  })

  test('of nothing fences all the same: an open transaction holds up all readers', async () => {
    store.join('d')
    expect(await recoverD()).toEqual({ foundCount: 0, republishedCount: 0, leftCount: 0 })
    expect(kafka.fenceCount).toBe(1)
  })

  test.each(['lost-request', 'lost-answer'] as const)(
    'whose own commit is in doubt (%s) is begun again',
    async (trouble) => {
      await settle(['a', 'b'])
      kafka.troubles.push(trouble)
      await expect(recoverD()).rejects.toMatchObject({ reason: 'doubt' })
      await recoverD()
      expect(keys()).toEqual(['a', 'b'])
      expect(['a', 'b'].map(stateOf)).toEqual(['PUBLISHED', 'PUBLISHED'])
    },
  )

  test('that another one overtakes gives up, and nothing is doubled', async () => {
    await settle(['a'])
    const overtaken = recoverD({
      steps: {
        async reached(name) {
          if (name === 'scanned') await recoverD()
        },
      },
    })
    await expect(overtaken).rejects.toMatchObject({ reason: 'fenced' })
    expect(keys()).toEqual(['a'])
  })

  test('that dies between publishing and marking needs nothing', async () => {
    await settle(['a'])
    const died = recoverD({ ledger: { ...store.recovery(), mark: () => Promise.reject(new Error('died')) } })
    await expect(died).rejects.toThrow('died')
    expect(await recoverD()).toEqual({ foundCount: 1, republishedCount: 0, leftCount: 0 })
    expect(keys()).toEqual(['a'])
  })

  test('marks a retry RETRYING, when its record is in the retry topic', async () => {
    const ledger = store.join('d')
    await ledger.claim([claimRequest('a')])
    const record = { ...recordOf('a'), headers: { ce_id: 'of the producer', 'retry-id': 'r1' } }
    await ledger.settle([settleRequest('a', 1, { outcome: encodeOutgoingRecords([record]), retry: 1 })])
    kafka.committed.push(record)
    expect(await recoverD()).toMatchObject({ republishedCount: 0 })
    expect(stateOf('a')).toBe('RETRYING')
  })

  test('publishes in transactions of limited size, and marks each', async () => {
    await settle(['a', 'b', 'c', 'd', 'e'])
    expect(await recoverD({ batchCount: 2 })).toMatchObject({ republishedCount: 5 })
    expect(steps.filter((name) => name === 'republished')).toHaveLength(3)
  })

  test('stops at its signal', async () => {
    await settle(['a'])
    await expect(recoverD({ signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
    expect(keys()).toEqual([])
  })
})

describe('what Kafka refuses', () => {
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const withReplies = (id: string) => encodeOutgoingRecords([recordOf(id), recordOf(id, 'reply')])

  test('for its reply goes without it; the others have theirs', async () => {
    await settle(ids, withReplies)
    kafka.refuses = ({ topic, key }) => topic === 'reply' && key.toString() === 'c'
    expect(await recoverD()).toEqual({ foundCount: 7, republishedCount: 7, leftCount: 0 })
    const of = (topic: string) => kafka.committed.filter((record) => record.topic === topic).map(({ key }) => `${key}`)
    expect(of('log').sort()).toEqual(ids)
    expect(of('reply').sort()).toEqual(ids.filter((id) => id !== 'c'))
    expect(alarms).toEqual(['reply-dropped'])
    expect(logged).toEqual(['reply'])
  })

  test('for its dead letter goes with a shortened one, and without an alarm', async () => {
    kafka.refuses = ({ topic, value }) => topic === 'dlt' && value !== null
    await settle(['a', 'b'], (id) => encodeOutgoingRecords([recordOf(id), recordOf(id, id === 'a' ? 'dlt' : 'other')]))
    const shorten = (record: OutgoingRecord) => (record.topic === 'dlt' ? { ...record, value: null } : record)
    expect(await recoverD({ shorten })).toEqual({ foundCount: 2, republishedCount: 2, leftCount: 0 })
    expect(kafka.committed.map(({ topic, value }) => [topic, value?.toString() ?? null]).toSorted()).toEqual([
      ['dlt', null],
      ['log', 'a'],
      ['log', 'b'],
      ['other', 'b'],
    ])
    expect(alarms).toEqual([])
    expect(logged).toEqual(['dlt'])
  })

  test('even alone stays SETTLED with an alarm, and holds up nobody', async () => {
    await settle(ids, withReplies)
    kafka.refuses = ({ key }) => key.toString() === 'c'
    expect(await recoverD()).toEqual({ foundCount: 7, republishedCount: 6, leftCount: 1 })
    expect(stateOf('c')).toBe('SETTLED')
    expect(alarms).toContain('outcome-unwritable')
    kafka.refuses = () => false
    expect(await recoverD()).toMatchObject({ republishedCount: 1 })
    expect(stateOf('c')).toBe('PUBLISHED')
  })
})

test('an outcome that cannot be read is left, with an alarm', async () => {
  await settle(['a', 'b'], (id) => (id === 'a' ? Buffer.from([9]) : encodeOutgoingRecords([recordOf(id)])))
  expect(await recoverD()).toEqual({ foundCount: 2, republishedCount: 1, leftCount: 1 })
  expect(alarms).toContain('outcome-unreadable')
  expect(stateOf('a')).toBe('SETTLED')
})

test('an outcome for a topic that is not scanned is left: publishing it could double it', async () => {
  await settle(['a', 'b'], (id) => encodeOutgoingRecords([recordOf(id, id === 'a' ? 'elsewhere' : 'log')]))
  expect(await recoverD()).toEqual({ foundCount: 2, republishedCount: 1, leftCount: 1 })
  expect(alarms).toContain('outcome-unreadable')
  expect(keys()).toEqual(['b'])
})

test('a log that was shortened below the scan: an alarm, and nothing is published', async () => {
  await settle(['a'])
  kafka.logStart = 1
  await expect(recoverD()).rejects.toMatchObject({ name: 'LogTruncated' })
  expect(alarms).toEqual(['log-truncated'])
  expect(keys()).toEqual([])
})
