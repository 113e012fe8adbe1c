import { describe, expect, it } from 'vitest'
import { Assignment } from '../../../src/consumers/assignment.ts'
import { OffsetTracker } from '../../../src/consumers/offset-tracker.ts'

const p = (partition: number) => ({ topic: 't', partition })

/** An assignment of partitions 0 and 1, both read from offset 10. */
function joined(): Assignment {
  const assignment = new Assignment()
  assignment.join('member', [p(0), p(1)])
  for (const stay of assignment.stays()) stay.tracker = new OffsetTracker(10)
  return assignment
}

function epochOf(assignment: Assignment, partition: number): number {
  return assignment.stay('t', partition)?.epoch ?? -1
}

describe('Assignment', () => {
  it('keeps the stay of a partition that the next join brings again', () => {
    const assignment = joined()
    const epoch = epochOf(assignment, 0)
    const { kept, lostCount } = assignment.join('member', [p(0), p(2)])
    expect(kept.map(({ partition }) => partition)).toEqual([0])
    expect(lostCount).toBe(1)
    expect(epochOf(assignment, 0)).toBe(epoch)
    expect(assignment.stay('t', 2)?.tracker).toBeNull()
  })

  it('begins a new stay when a partition comes back, and under a new member id', () => {
    const assignment = joined()
    const epoch = epochOf(assignment, 1)
    assignment.join('member', [p(0)])
    assignment.join('member', [p(0), p(1)])
    expect(epochOf(assignment, 1)).toBeGreaterThan(epoch)

    const before = epochOf(assignment, 0)
    const { kept, lostCount } = assignment.join('another member', [p(0), p(1)])
    expect(kept).toEqual([])
    expect(lostCount).toBe(2)
    expect(epochOf(assignment, 0)).toBeGreaterThan(before)
  })

  it('does not count what is finished under an earlier stay', () => {
    const assignment = joined()
    const old = { ...p(1), offset: 10, epoch: epochOf(assignment, 1) }
    assignment.stay('t', 1)?.tracker?.received(10)
    assignment.join('member', [p(0)])
    assignment.join('member', [p(0), p(1)])
    const stay = assignment.stay('t', 1)
    if (stay === undefined) throw new Error('partition 1 is missing')
    stay.tracker = new OffsetTracker(10)
    stay.tracker.received(10)

    expect(assignment.isCurrent(old)).toBe(false)
    assignment.finished(old)
    expect(stay.tracker.lowWatermark).toBe(10)
    assignment.finished({ ...old, epoch: stay.epoch })
    expect(stay.tracker.lowWatermark).toBe(11)
  })

  it('plans commits forward only, of current and placed partitions only, the first one always', () => {
    const assignment = joined()
    const plan = () => assignment.plannedCommits().map(({ stay, offset }) => [stay.partition, offset])
    expect(plan()).toEqual([
      [0, 10],
      [1, 10],
    ])
    assignment.committed(assignment.plannedCommits())
    expect(plan()).toEqual([])

    const epoch = epochOf(assignment, 0)
    assignment.stay('t', 0)?.tracker?.received(10)
    assignment.stay('t', 0)?.tracker?.received(11)
    assignment.finished({ ...p(0), offset: 11, epoch })
    expect(plan()).toEqual([])
    assignment.finished({ ...p(0), offset: 10, epoch })
    expect(plan()).toEqual([[0, 12]])

    assignment.join('member', [p(1), p(2)])
    expect(plan()).toEqual([])
  })

  it('starts a partition anew from where its log went back to', () => {
    const assignment = joined()
    const epoch = epochOf(assignment, 0)
    assignment.restart('t', 0, 3)
    expect(epochOf(assignment, 0)).toBeGreaterThan(epoch)
    expect(assignment.stay('t', 0)?.tracker?.nextFetch).toBe(3)
  })

  it('has nothing after leaving', () => {
    const assignment = joined()
    assignment.leave()
    expect(assignment.stays()).toEqual([])
    expect(assignment.plannedCommits()).toEqual([])
  })
})
