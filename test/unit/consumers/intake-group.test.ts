import { describe, expect, it } from 'vitest'
import { IntakeGroup } from '../../../src/consumers/intake-group.ts'
import type { RecordIntake, TopicPartition } from '../../../src/consumers/record-intake.ts'
import { recordOf } from './dispatcher-doubles.ts'

function setUp() {
  const steps: string[] = []
  const failing = new Set<string>()
  const member = (topic: string) => {
    const note = (what: string) => (partition?: TopicPartition) => {
      steps.push(`${topic} ${what}${partition === undefined ? '' : ` ${partition.partition}`}`)
    }
    const run = (what: string) => async () => {
      steps.push(`${topic} ${what}`)
      if (failing.has(topic)) throw new Error(`${topic} failed`)
    }
    const intake: RecordIntake = {
      start: run('start'),
      stop: run('stop'),
      finished: note('finished'),
      isCurrent: () => topic === 'a',
      pause: note('pause'),
      resume: note('resume'),
      assignment: () => [
        {
          topic,
          partition: 0,
          nextFetch: 0,
          lowWatermark: 0,
          committed: null,
          unfinishedCount: 0,
          highWatermark: null,
        },
      ],
    }
    return { intake, topics: [topic] }
  }
  return { group: new IntakeGroup([member('a'), member('b')]), steps, failing }
}

const recordIn = (topic: string) => ({ ...recordOf('x'), topic })

describe('IntakeGroup', () => {
  it('asks the intake that reads the topic', () => {
    const { group, steps } = setUp()
    group.finished(recordIn('b'))
    group.pause({ topic: 'a', partition: 3 })
    group.resume({ topic: 'b', partition: 4 })
    expect(steps).toEqual(['b finished 0', 'a pause 3', 'b resume 4'])
    expect([group.isCurrent(recordIn('a')), group.isCurrent(recordIn('b'))]).toEqual([true, false])
    expect(() => group.finished(recordIn('c'))).toThrow('No intake reads c')
  })

  it('asks all where no topic is meant', async () => {
    const { group, steps } = setUp()
    await group.start()
    group.pause()
    group.resume()
    await group.stop()
    expect(steps).toEqual(['start', 'pause', 'resume', 'stop'].flatMap((what) => [`a ${what}`, `b ${what}`]))
    expect(group.assignment().map(({ topic }) => topic)).toEqual(['a', 'b'])
  })

  it('starts and stops the others when one fails, and tells of it', async () => {
    const { group, steps, failing } = setUp()
    failing.add('a')
    await expect(group.start()).rejects.toThrow('a failed')
    await expect(group.stop()).rejects.toThrow('a failed')
    expect(steps).toEqual(['a start', 'b start', 'a stop', 'b stop'])
  })
})
