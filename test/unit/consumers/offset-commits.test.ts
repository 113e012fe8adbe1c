import { expect, test } from 'vitest'
import { Assignment } from '../../../src/consumers/assignment.ts'
import { type CommitOnce, OffsetCommits } from '../../../src/consumers/offset-commits.ts'
import { OffsetTracker } from '../../../src/consumers/offset-tracker.ts'

/** One partition, read from 0, of which records are finished one after the other. */
function readPartition() {
  const assignment = new Assignment()
  assignment.join('m', [{ topic: 't', partition: 0 }])
  const tracker = new OffsetTracker(0)
  for (const stay of assignment.stays()) stay.tracker = tracker
  let next = 0
  const finishOne = (): void => {
    tracker.received(next)
    tracker.finished(next)
    next += 1
  }
  return { assignment, finishOne }
}

/** Commits that are answered when the test says so. */
function heldCommits() {
  const offsets: (string | undefined)[] = []
  const answers: ReturnType<typeof Promise.withResolvers<void>>[] = []
  const commit: CommitOnce = (given) => {
    offsets.push(given?.topics[0]?.partitions[0]?.offset)
    const answer = Promise.withResolvers<void>()
    answers.push(answer)
    return answer.promise
  }
  return { commit, offsets, answers }
}

test('asked for during a commit, one more follows it, with what has been finished since', async () => {
  const { assignment, finishOne } = readPartition()
  const { commit, offsets, answers } = heldCommits()
  const commits = new OffsetCommits(assignment, () => {})
  commits.use(commit)
  finishOne()
  const first = commits.run()
  finishOne()
  expect(commits.run()).toBe(first)
  void commits.run()
  expect(offsets).toEqual(['1'])
  answers[0]?.resolve()
  await expect.poll(() => offsets).toEqual(['1', '2'])
  answers[1]?.resolve()
  await first
  await commits.run()
  expect(offsets).toEqual(['1', '2'])
})

test('what was refused is committed by the next one; without a group nothing is', async () => {
  const { assignment, finishOne } = readPartition()
  const { commit, offsets, answers } = heldCommits()
  const refusals: unknown[] = []
  const commits = new OffsetCommits(assignment, (error) => refusals.push(error))
  finishOne()
  await commits.run()
  expect(offsets).toEqual([])
  commits.use(commit)
  const refused = commits.run()
  const reason = new Error('REBALANCE_IN_PROGRESS')
  answers[0]?.reject(reason)
  await refused
  expect(refusals).toEqual([reason])
  void commits.run()
  expect(offsets).toEqual(['1', '1'])
  commits.use(undefined)
  answers[1]?.resolve()
})
