import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Assignment } from '../../../src/consumers/assignment.ts'
import { OffsetTracker } from '../../../src/consumers/offset-tracker.ts'

/** Prints and repeats with `SIM_SEED`; 10,000 sequences by default for all properties of this file together. */
const parameters = {
  numRuns: Number(process.env['SIM_SCHEDULES'] ?? 5_000),
  ...(process.env['SIM_SEED'] !== undefined && { seed: Number(process.env['SIM_SEED']) }),
}

/** What can happen to a partition: a record after a gap, offsets that hold nothing, an end of one of those in hand. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('received' as const), gap: fc.constantFrom(0, 0, 0, 1, 3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('skip' as const), by: fc.nat(4) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('finished' as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('again' as const), back: fc.integer({ min: 1, max: 9 }) }) },
)

test('the low watermark is the first unfinished offset and never goes back, whatever happens in whatever order', () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.array(step, { maxLength: 120 }), (start, steps) => {
      const tracker = new OffsetTracker(start)
      const open: number[] = []
      let next = start
      let low = start
      for (const one of steps) {
        if (one.kind === 'received') {
          next += one.gap
          expect(tracker.received(next)).toBe(true)
          open.push(next)
          next++
        } else if (one.kind === 'skip') {
          next += one.by
          tracker.skipTo(next)
        } else if (one.kind === 'again') {
          if (one.back > 0) expect(tracker.received(next - one.back)).toBe(false)
        } else if (open.length > 0) {
          const [offset = -1] = open.splice(one.which % open.length, 1)
          expect(tracker.finished(offset)).toBe(true)
          expect(tracker.finished(offset)).toBe(false)
        }
        if (tracker.lowWatermark !== (open[0] ?? next)) expect(tracker.lowWatermark).toBe(open[0] ?? next)
        if (tracker.lowWatermark < low) expect(tracker.lowWatermark).toBeGreaterThanOrEqual(low)
        low = tracker.lowWatermark
        expect(tracker.retainedCount <= Math.max(64, 2 * open.length)).toBe(true)
      }
    }),
    parameters,
  )
})

/** What can happen to a member of a group. */
const groupStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), partition: fc.nat(2) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('finished' as const), which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'commit' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      partitions: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
      expelled: fc.boolean(),
    }),
  },
)

test('what is committed never passes a record that is not finished, through rebalances and late ends', () => {
  fc.assert(
    fc.property(fc.array(groupStep, { maxLength: 120 }), (steps) => {
      const assignment = new Assignment()
      const committed = [0, 0, 0]
      const finished = [new Set<number>(), new Set<number>(), new Set<number>()]
      const inHand: { partition: number; offset: number; epoch: number }[] = []
      let member = 1
      const join = (partitions: readonly number[]) => {
        assignment.join(
          `m${member}`,
          partitions.map((partition) => ({ topic: 't', partition })),
        )
        for (const stay of assignment.stays()) {
          // As a reader does: a stay that is new is read from what is committed, by whomever.
          if (stay.tracker !== null) continue
          stay.committed = committed[stay.partition] ?? 0
          stay.tracker = new OffsetTracker(stay.committed)
        }
      }
      join([0, 1, 2])
      for (const one of steps) {
        if (one.kind === 'join') {
          if (one.expelled) member++
          join(one.partitions)
        } else if (one.kind === 'read') {
          const stay = assignment.stay('t', one.partition)
          if (stay?.tracker === null || stay === undefined) continue
          const offset = stay.tracker.nextFetch
          stay.tracker.received(offset)
          inHand.push({ partition: one.partition, offset, epoch: stay.epoch })
        } else if (one.kind === 'finished') {
          if (inHand.length === 0) continue
          const [record] = inHand.splice(one.which % inHand.length, 1)
          if (record === undefined) continue
          finished[record.partition]?.add(record.offset)
          assignment.finished({ topic: 't', ...record })
        } else {
          const plan = assignment.plannedCommits()
          for (const { stay, offset } of plan) {
            for (let below = committed[stay.partition] ?? 0; below < offset; below++) {
              if (!finished[stay.partition]?.has(below)) expect(`${stay.partition}@${below} is not finished`).toBe('')
            }
            committed[stay.partition] = offset
          }
          assignment.committed(plan)
        }
      }
    }),
    parameters,
  )
})
