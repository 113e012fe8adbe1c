/** What a real broker does not do on demand; the rest is in test/integration. */
import { describe, expect, it } from 'vitest'
import { createKafkaIntake } from '../../../src/consumers/kafka-intake.ts'
import type { IntakeRecord } from '../../../src/consumers/record-intake.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { silentLog } from './dispatcher-doubles.ts'
import { KafkaDouble } from './kafka-double.ts'
import { ManualTimers, settle } from './manual-timers.ts'

/** An intake that has joined with these partitions, each committed at 10. */
async function setUp(partitions = [0, 1]) {
  const kafka = new KafkaDouble()
  for (const partition of [0, 1, 2, 3]) kafka.committed.set(partition, '10')
  const timers = new ManualTimers()
  const records: IntakeRecord[] = []
  const fatals: Error[] = []
  let revokedCount = 0
  const intake = createKafkaIntake({
    kafka: kafka.client,
    groupId: 'g',
    topics: ['t'],
    timers,
    log: silentLog,
    onRecords: (received) => records.push(...received),
    onRevoked: () => {
      revokedCount += 1
    },
    onFatal: (error) => fatals.push(error),
  })
  await intake.start()
  kafka.join(partitions)
  await settle()
  const finish = (...offsets: number[]) => {
    for (const record of records.filter(({ offset }) => offsets.includes(offset))) intake.finished(record)
  }
  return { kafka, timers, intake, records, fatals, finish, revokedCount: () => revokedCount }
}

const offsetsOf = (records: readonly IntakeRecord[]) => records.map(({ offset }) => offset)

it('asks the client for what the promises rest on: committed records only, no commits of its own, no new topics', async () => {
  const { kafka } = await setUp()
  expect(kafka.config).toMatchObject({
    readUncommitted: false,
    allowAutoTopicCreation: false,
    sessionTimeout: 30_000,
    heartbeatInterval: 3_000,
    maxWaitTimeInMs: 300,
  })
  expect(kafka.runConfig).toMatchObject({ autoCommit: false, eachBatchAutoResolve: true })
})

describe('placing partitions', () => {
  it('gained ones at what is committed, or at the beginning; kept ones at the next offset', async () => {
    const { kafka } = await setUp()
    expect(kafka.seeks).toEqual(['0@10', '1@10'])
    await kafka.batch(0, [10, 11])
    kafka.committed.set(2, '-1')
    kafka.low = '4'
    kafka.join([0, 2])
    await settle()
    expect(kafka.seeks.slice(2)).toEqual(['0@12', '2@4'])
  })

  it('drops batches from before a partition is placed, and stale ones', async () => {
    const { kafka, records, intake } = await setUp()
    kafka.join([0, 1, 2])
    await kafka.batch(2, [0, 1, 2])
    expect(records).toEqual([])
    await settle()
    await kafka.batch(2, [3, 4], { stale: true })
    await kafka.batch(3, [10])
    expect(records).toEqual([])
    await kafka.batch(2, [10])
    expect(offsetsOf(records)).toEqual([10])
    expect(intake.assignment().find(({ partition }) => partition === 2)?.nextFetch).toBe(11)
  })

  it('tries again when the committed offsets cannot be read', async () => {
    const { kafka, timers } = await setUp([])
    kafka.adminFails = true
    kafka.join([3])
    await settle()
    expect(kafka.seeks).toEqual([])
    kafka.adminFails = false
    await timers.advance(1_000)
    expect(kafka.seeks).toEqual(['3@10'])
  })

  it('places nothing that has gone meanwhile', async () => {
    const { kafka } = await setUp()
    kafka.join([0, 1, 2])
    kafka.join([0, 1])
    await settle()
    expect(kafka.seeks.filter((seek) => seek.startsWith('2'))).toEqual([])
  })

  it('begins anew under another member id: others may have had the partitions', async () => {
    const { kafka, records, intake, revokedCount } = await setUp()
    await kafka.batch(0, [10, 11])
    kafka.committed.set(0, '50')
    kafka.join([0, 1], 'another')
    expect(revokedCount()).toBe(1)
    await settle()
    expect(kafka.seeks.slice(2)).toEqual(['0@50', '1@10'])
    for (const record of records) expect(intake.isCurrent(record)).toBe(false)
  })

  it('reads again from where the log went back to, as new records', async () => {
    const { kafka, records, intake, revokedCount } = await setUp()
    await kafka.batch(0, [10, 11, 12])
    await kafka.batch(0, [3, 4])
    expect(offsetsOf(records)).toEqual([10, 11, 12, 3, 4])
    expect(records.map((record) => intake.isCurrent(record))).toEqual([false, false, false, true, true])
    expect(revokedCount()).toBe(1)
    expect(intake.assignment()[0]).toMatchObject({ nextFetch: 5, lowWatermark: 3, unfinishedCount: 2 })
  })
})

describe('commits', () => {
  it('come every second, forward only, and only when there is something new', async () => {
    const { kafka, timers, finish } = await setUp()
    await kafka.batch(0, [10, 11, 12])
    await timers.advance(1_000)
    expect(kafka.commits).toEqual([])
    finish(10, 12)
    await timers.advance(1_000)
    expect(kafka.commits).toEqual([{ 0: '11' }])
    await timers.advance(5_000)
    expect(kafka.commits).toHaveLength(1)
    finish(11)
    await timers.advance(1_000)
    expect(kafka.commits[1]).toEqual({ 0: '13' })
  })

  it('are one at a time; one that was refused is made again', async () => {
    const { kafka, timers, finish } = await setUp()
    await kafka.batch(0, [10, 11])
    const answer = Promise.withResolvers<void>()
    kafka.commit = () => answer.promise
    finish(10)
    await timers.advance(1_000)
    kafka.emit('rebalancing', {})
    kafka.emit('rebalancing', {})
    await timers.advance(5_000)
    expect(kafka.commits).toEqual([{ 0: '11' }])
    kafka.commit = async () => {}
    answer.reject(new Error('REBALANCE_IN_PROGRESS'))
    await settle()
    expect(kafka.commits).toEqual([{ 0: '11' }, { 0: '11' }])
    await timers.advance(5_000)
    expect(kafka.commits).toHaveLength(2)
  })

  it('come at once when the group begins to rebalance, and cover what is assigned only', async () => {
    const { kafka, finish } = await setUp()
    await kafka.batch(0, [10])
    await kafka.batch(1, [10])
    kafka.join([0])
    finish(10)
    kafka.emit('rebalancing', {})
    await settle()
    expect(kafka.commits).toEqual([{ 0: '11' }])
  })

  it('follow batches in which nothing was to be read, if they join on to what was', async () => {
    const { kafka, timers, finish } = await setUp()
    await kafka.batch(0, [10], { lastOffset: '11' })
    finish(10)
    const empty = (firstOffset: string | null, lastOffset: string) =>
      kafka.emit('end_batch_process', { topic: 't', partition: 0, batchSize: 0, firstOffset, lastOffset })
    empty('12', '14')
    empty('30', '40')
    empty(null, '50')
    await timers.advance(1_000)
    expect(kafka.commits).toEqual([{ 0: '15' }])
  })

  it('come before leaving, which is done even if a step hangs', async () => {
    const { kafka, timers, intake, finish } = await setUp()
    await kafka.batch(0, [10])
    finish(10)
    kafka.commit = () => new Promise(() => {})
    const stopped = intake.stop()
    expect(intake.stop()).toBe(stopped)
    await timers.advance(5_000)
    await stopped
    expect(kafka.commits).toEqual([{ 0: '11' }])
    expect(kafka.steps).toEqual(['stopped', 'disconnected'])
    await expect(intake.start()).rejects.toThrow('stopped')
  })

  it('are the last: a crash while stopping starts nothing again, and is no failure', async () => {
    const { kafka, fatals, intake } = await setUp()
    const restarts = () => kafka.config?.retry?.restartOnFailure?.(new Error('any'))
    expect(await restarts()).toBe(true)
    await intake.stop()
    expect(await restarts()).toBe(false)
    kafka.emit('crash', { error: new Error('closed'), restart: false, groupId: 'g' })
    expect(fatals).toEqual([])
  })
})

describe('pauses', () => {
  it('are wanted by partition and in all, apart, and compared at each join and every second', async () => {
    const { kafka, timers, intake } = await setUp()
    intake.pause({ topic: 't', partition: 1 })
    expect([...kafka.pausedPartitions]).toEqual([1])
    intake.pause()
    expect([...kafka.pausedPartitions].sort()).toEqual([0, 1])
    kafka.join([0, 1, 2])
    expect([...kafka.pausedPartitions].sort()).toEqual([0, 1, 2])
    intake.resume()
    expect([...kafka.pausedPartitions]).toEqual([1])
    kafka.pausedPartitions.clear()
    kafka.pausedPartitions.add(0)
    await timers.advance(1_000)
    expect([...kafka.pausedPartitions]).toEqual([1])
  })
})

describe('giving up', () => {
  it('when the client has crashed for good', async () => {
    const { kafka, fatals, records, intake } = await setUp()
    await kafka.batch(0, [10])
    const crash = (error: Error, restart: boolean) => kafka.emit('crash', { error, restart, groupId: 'g' })
    crash(new Error('connection lost'), true)
    expect(fatals).toEqual([])
    expect(intake.isCurrent(records[0] as IntakeRecord)).toBe(false)
    const ours = new ModelServiceError('DECODE_FAILED', 'A compressed batch cannot be read')
    crash(new Error('crashed', { cause: ours }), false)
    crash(new Error('again'), false)
    expect(fatals).toEqual([expect.objectContaining({ code: 'DECODE_FAILED' })])
    expect(fatals[0]?.message).toContain('Reading t failed: A compressed batch cannot be read')
  })

  it('when a topic stays unknown to the brokers, not when it was for a moment', async () => {
    const { kafka, timers, fatals } = await setUp()
    const unknown = Object.assign(new Error('unknown'), { type: 'UNKNOWN_TOPIC_OR_PARTITION' })
    const restarts = () => kafka.config?.retry?.restartOnFailure?.(new Error('crashed', { cause: unknown }))
    expect(await restarts()).toBe(true)
    await timers.advance(9_000)
    expect(await restarts()).toBe(true)
    kafka.emit('fetch', {})
    await timers.advance(9_000)
    expect(await restarts()).toBe(true)
    await timers.advance(9_999)
    expect(await restarts()).toBe(true)
    await timers.advance(1)
    expect(await restarts()).toBe(false)
    kafka.emit('crash', { error: unknown, restart: false, groupId: 'g' })
    expect(fatals).toEqual([expect.objectContaining({ code: 'TOPIC_MISSING' })])
  })

  it('when an offset cannot be tracked exactly', async () => {
    const { kafka, fatals, records } = await setUp()
    await kafka.batch(0, ['9007199254740993'])
    expect(records).toEqual([])
    expect(fatals).toEqual([expect.objectContaining({ message: expect.stringContaining('9007199254740993') })])
  })

  it('when it is silent although the broker answers', async () => {
    const { kafka, timers, fatals } = await setUp()
    kafka.describeFails = true
    await timers.advance(600_000)
    expect(fatals).toEqual([])
    kafka.describeFails = false
    await timers.advance(90_000)
    expect(fatals).toEqual([])
    await timers.advance(90_000)
    expect(fatals).toEqual([expect.objectContaining({ message: expect.stringContaining('has not fetched') })])
  })

  it('not while it gives signs of life', async () => {
    const { kafka, timers, fatals } = await setUp()
    for (let minute = 0; minute < 30; minute++) {
      await timers.advance(60_000)
      kafka.emit(minute % 2 === 0 ? 'fetch' : 'heartbeat', {})
    }
    expect(fatals).toEqual([])
  })
})
