import { describe, expect, it } from 'vitest'
import { CommandConsumer } from '../../../src/consumers/command-consumer.ts'
import type { IntakeListener, IntakeRecord, RecordIntake } from '../../../src/consumers/record-intake.ts'
import type { CommandResult, ModelCommand } from '../../../src/contract/types.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { silentLog } from './dispatcher-doubles.ts'
import { ManualTimers, settle } from './manual-timers.ts'

let nextOffset = 0

function recordOf(value: string, partition = 0): IntakeRecord {
  return {
    topic: 'model.commands',
    partition,
    offset: nextOffset++,
    epoch: 1,
    key: null,
    value: Buffer.from(value),
    headers: {},
    timestamp: 0,
  }
}

const command = (commandId: string, partition = 0) => recordOf(JSON.stringify({ commandId }), partition)

function setUp() {
  const timers = new ManualTimers()
  const sent: string[] = []
  const finished: number[] = []
  const pauses: string[] = []
  const deadLetters: { record: ReceivedRecord; code: string }[] = []
  const state = {
    registryAway: false,
    deadLettersAway: false,
    epoch: 1,
    send: async (_: string): Promise<void> => {},
  }
  let listener: IntakeListener | undefined
  const intake: RecordIntake = {
    start: async () => {},
    stop: async () => void pauses.push('left'),
    finished: ({ offset }) => void finished.push(offset),
    isCurrent: ({ epoch }) => epoch >= state.epoch,
    pause: (at) => void pauses.push(`pause ${at?.partition ?? 'all'}`),
    resume: (at) => void pauses.push(`resume ${at?.partition ?? 'all'}`),
    assignment: () => [],
  }
  const consumer = new CommandConsumer({
    createIntake: (given) => {
      listener = given
      return intake
    },
    decoder: {
      decode(value) {
        if (state.registryAway) throw new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')
        try {
          return JSON.parse(String(value)) as ModelCommand
        } catch (cause) {
          throw new ModelServiceError('DECODE_FAILED', 'not JSON', { cause })
        }
      },
    },
    commandBus: {
      async send({ commandId }) {
        sent.push(commandId)
        await state.send(commandId)
        return {} as CommandResult
      },
    },
    deadLetters: {
      async deadLetter(record, error) {
        if (state.deadLettersAway) throw new ModelServiceError('BROKER_UNAVAILABLE', 'away')
        deadLetters.push({ record, code: error.code })
      },
    },
    onFatal: () => {},
    log: silentLog,
    timers,
    settings: { windowCount: 10 },
  })
  const give = (...records: IntakeRecord[]) => listener?.onRecords(records)
  return { consumer, give, tell: () => listener, timers, sent, finished, pauses, deadLetters, state }
}

describe('CommandConsumer', () => {
  it('carries commands out one after the other in each partition, partitions side by side', async () => {
    const { give, sent, finished, state } = setUp()
    const first = Promise.withResolvers<void>()
    state.send = (commandId) => (commandId === 'a1' ? first.promise : Promise.resolve())
    const records = [command('a1', 0), command('a2', 0), command('b1', 1)]
    give(...records)
    await settle()
    expect(sent).toEqual(['a1', 'b1'])
    first.resolve()
    await settle()
    expect(sent).toEqual(['a1', 'b1', 'a2'])
    expect(finished).toHaveLength(3)
  })

  it.each([
    ['what cannot be decoded', 'not json', 'DECODE_FAILED'],
    ['an invalid command id', '{"commandId":"a b"}', 'INVALID_REQUEST'],
  ])('sends %s to the dead letters, byte for byte, and goes on', async (_, value, code) => {
    const { give, sent, finished, deadLetters } = setUp()
    const poison = recordOf(value)
    give(poison, command('next'))
    await settle()
    expect(deadLetters).toEqual([{ record: poison, code }])
    expect(sent).toEqual(['next'])
    expect(finished).toHaveLength(2)
  })

  it.each(['DATABASE_UNAVAILABLE', 'BROKER_UNAVAILABLE'] as const)(
    'waits in place for %s however long, its partition paused',
    async (code) => {
      const { give, sent, finished, pauses, deadLetters, state, timers } = setUp()
      state.send = async (commandId) => {
        if (commandId === 'a1') throw new ModelServiceError(code, 'away')
      }
      give(command('a1', 0), command('a2', 0), command('b1', 1))
      await timers.advance(3_600_000)
      expect(new Set(sent)).toEqual(new Set(['a1', 'b1']))
      expect(sent.length).toBeGreaterThan(50)
      expect(pauses).toEqual(['pause 0'])
      expect(finished).toHaveLength(1)
      state.send = async () => {}
      await timers.advance(10_000)
      expect(sent.slice(-2)).toEqual(['a1', 'a2'])
      expect(finished).toHaveLength(3)
      expect(pauses).toEqual(['pause 0', 'resume 0'])
      expect(deadLetters).toEqual([])
    },
  )

  it('waits for the registry, its partition paused', async () => {
    const { give, sent, pauses, deadLetters, state, timers } = setUp()
    state.registryAway = true
    give(command('a1'))
    await timers.advance(60_000)
    expect(pauses).toEqual(['pause 0'])
    state.registryAway = false
    await timers.advance(10_000)
    expect(sent).toEqual(['a1'])
    expect(pauses).toEqual(['pause 0', 'resume 0'])
    expect(deadLetters).toEqual([])
  })

  it('gives a failing handler five tries, then the dead letters; a refusal that lasts, one', async () => {
    const { give, sent, finished, deadLetters, state, timers } = setUp()
    state.send = async (commandId) => {
      if (commandId === 'defect') throw new TypeError('a defect')
      if (commandId === 'refused') throw new ModelServiceError('INVALID_REQUEST', 'no')
    }
    give(command('defect'), command('refused'), command('good'))
    await timers.advance(60_000)
    expect(sent).toEqual(['defect', 'defect', 'defect', 'defect', 'defect', 'refused', 'good'])
    expect(deadLetters.map(({ code }) => code)).toEqual(['INTERNAL_ERROR', 'INVALID_REQUEST'])
    expect(finished).toHaveLength(3)
  })

  it('does not finish a command whose dead letter cannot be published', async () => {
    const { give, finished, deadLetters, state, timers } = setUp()
    state.deadLettersAway = true
    give(recordOf('poison'))
    await timers.advance(60_000)
    expect(finished).toEqual([])
    state.deadLettersAway = false
    await timers.advance(10_000)
    expect(deadLetters).toHaveLength(1)
    expect(finished).toHaveLength(1)
  })

  it('pauses a partition with many commands in hand, and resumes below 70 %', async () => {
    const { give, consumer, pauses, state } = setUp()
    const gates = Array.from({ length: 10 }, () => Promise.withResolvers<void>())
    state.send = (commandId) => gates[Number(commandId)]?.promise ?? Promise.resolve()
    give(...gates.map((_, n) => command(String(n))))
    expect(pauses).toEqual(['pause 0'])
    for (const gate of gates.slice(0, 3)) gate.resolve()
    await settle()
    expect(consumer.status().inHandCount).toBe(7)
    expect(pauses).toEqual(['pause 0'])
    gates[3]?.resolve()
    await settle()
    expect(pauses).toEqual(['pause 0', 'resume 0'])
  })

  it('drops what waits of partitions that have gone', async () => {
    const { give, tell, sent, finished, state } = setUp()
    const first = Promise.withResolvers<void>()
    state.send = () => first.promise
    give(command('a1'), command('a2'))
    await settle()
    state.epoch = 2
    tell()?.onRevoked()
    first.resolve()
    await settle()
    expect(sent).toEqual(['a1'])
    // The intake decides that this one no longer counts.
    expect(finished).toHaveLength(1)
  })

  it('stops after the command in progress, leaves the rest, and leaves the group last', async () => {
    const { give, consumer, sent, finished, pauses, state } = setUp()
    const first = Promise.withResolvers<void>()
    state.send = () => first.promise
    give(command('a1'), command('a2'))
    await settle()
    const stopped = consumer.stop()
    await settle()
    expect(pauses).toEqual(['pause all'])
    first.resolve()
    await stopped
    expect(sent).toEqual(['a1'])
    expect(finished).toHaveLength(1)
    expect(pauses).toEqual(['pause all', 'left'])
  })

  it('stops without waiting for a retry, and at the limit for a command that does not end', async () => {
    const retrying = setUp()
    retrying.state.send = () => Promise.reject(new ModelServiceError('DATABASE_UNAVAILABLE', 'away'))
    retrying.give(command('a1'))
    await settle()
    await retrying.consumer.stop()
    expect(retrying.finished).toEqual([])

    const stuck = setUp()
    stuck.state.send = () => new Promise(() => {})
    stuck.give(command('a1'))
    await settle()
    const stopped = stuck.consumer.stop()
    await stuck.timers.advance(10_000)
    await stopped

    const hurried = setUp()
    hurried.state.send = () => new Promise(() => {})
    hurried.give(command('a1'))
    await settle()
    await hurried.consumer.stopNow()
  })
})
