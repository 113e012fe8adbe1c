import { describe, expect, it } from 'vitest'
import type { IntakeRecord } from '../../../src/consumers/record-intake.ts'
import { longestHoldMs, RetryGate } from '../../../src/consumers/retry-gate.ts'
import { IntakeDouble, recordOf } from './dispatcher-doubles.ts'
import { ManualTimers } from './manual-timers.ts'

/** Unix time at which the tests begin. */
const begin = 1_700_000_000_000

function setUp() {
  const timers = new ManualTimers()
  const intake = new IntakeDouble()
  const due: string[] = []
  let clockErrorMs = 0
  const gate = new RetryGate({
    intake,
    notBefore: ({ headers }) => (headers['at'] === undefined ? null : Number(headers['at'])),
    onDue: (records) => due.push(...records.map(({ value }) => String(value))),
    clock: { now: () => begin + timers.now() + clockErrorMs },
    timers,
  })
  const retry = (id: string, afterMs: number, partition = 0, epoch = 1): IntakeRecord => ({
    ...recordOf(id, epoch),
    topic: 'retry',
    partition,
    headers: { at: String(begin + afterMs) },
  })
  return { gate, timers, intake, due, retry, setClock: (errorMs: number) => (clockErrorMs = errorMs) }
}

describe('RetryGate', () => {
  it('hands on what is due, and what is no retry, at once', () => {
    const { gate, due, retry, intake } = setUp()
    gate.take([retry('past', -5), retry('now', 0), { ...recordOf('other'), partition: 1 }])
    expect(due).toEqual(['past', 'now', 'other'])
    expect(intake.pausedPartitions.size).toBe(0)
  })

  it('never early: holds the first and all behind it, its partition paused, others not', async () => {
    const { gate, timers, intake, due, retry } = setUp()
    gate.take([retry('a', 10_000), retry('b', 10_000), retry('c', 10_500)])
    gate.take([retry('d', 2_000, 1)])
    expect([...intake.pausedPartitions]).toEqual([0, 1])
    await timers.advance(1_999)
    expect(due).toEqual([])
    await timers.advance(1)
    expect(due).toEqual(['d'])
    expect([...intake.pausedPartitions]).toEqual([0])
    await timers.advance(7_999)
    expect(due).toEqual(['d'])
    await timers.advance(1)
    expect(due).toEqual(['d', 'a', 'b'])
    // What a fetch that was under way brings joins those that are held.
    gate.take([retry('e', 10_500)])
    await timers.advance(500)
    expect(due).toEqual(['d', 'a', 'b', 'c', 'e'])
    expect([...intake.pausedPartitions]).toEqual([])
    expect([gate.heldCount, timers.pendingCount]).toEqual([0, 0])
  })

  it('keeps what is held over a rebalance that keeps the partition, and lets go of the others', async () => {
    const { gate, timers, intake, due, retry } = setUp()
    gate.take([retry('lost', 1_000, 0, 1)])
    gate.take([retry('kept', 1_000, 1, 2)])
    intake.epoch = 2
    gate.dropRevoked()
    expect([...intake.pausedPartitions]).toEqual([1])
    expect(gate.heldCount).toBe(1)
    gate.take([retry('lost', 1_000, 0, 3)])
    await timers.advance(1_000)
    expect(due.sort()).toEqual(['kept', 'lost'])
  })

  it('follows the clock, not the timer: one that was set back waits on', async () => {
    const { gate, timers, due, retry, setClock } = setUp()
    gate.take([retry('a', 30_000)])
    await timers.advance(10_000)
    setClock(-5_000)
    await timers.advance(20_000)
    expect(due).toEqual([])
    await timers.advance(5_000)
    expect(due).toEqual(['a'])
  })

  it('holds nothing longer than a day from its arrival, however wrong its header is', async () => {
    const { gate, timers, due, retry } = setUp()
    gate.take([retry('absurd', 1e12)])
    await timers.advance(longestHoldMs - 1)
    expect(due).toEqual([])
    await timers.advance(1)
    expect(due).toEqual(['absurd'])
  })

  it('lets go of everything at the end', async () => {
    const { gate, timers, due, retry } = setUp()
    gate.take([retry('a', 1_000)])
    gate.close()
    gate.take([retry('b', 0)])
    await timers.advance(5_000)
    expect([due, gate.heldCount, timers.pendingCount]).toEqual([[], 0, 0])
  })
})
