import { expect, it } from 'vitest'
import type { IntakeListener, RecordIntake } from '../../../src/consumers/record-intake.ts'
import { RequestConsumer } from '../../../src/consumers/request-consumer.ts'
import { DecoderDouble, DeliveryDouble, requestRecord, ServiceDouble, silentLog } from './dispatcher-doubles.ts'
import { ManualTimers, settle } from './manual-timers.ts'

/** A consumer on doubles that note in which order things happen. */
function setUp() {
  const timers = new ManualTimers()
  const steps: string[] = []
  const delivery = new DeliveryDouble()
  delivery.drain = async () => {
    steps.push('delivery drained')
  }
  const service = new ServiceDouble()
  service.autoEnd = false
  const fatals: Error[] = []
  let listener: IntakeListener | undefined
  const intake: RecordIntake = {
    start: async () => void steps.push('joined'),
    stop: async () => void steps.push('left'),
    finished: ({ offset }) => void steps.push(`finished ${offset}`),
    isCurrent: () => true,
    pause: () => void steps.push('paused'),
    resume: () => void steps.push('resumed'),
    assignment: () => [],
  }
  const consumer = new RequestConsumer({
    createIntake: (given) => {
      listener = given
      return intake
    },
    topics: [{ name: 'model.requests', order: 'none', tenant: null }],
    delivery,
    deadLetters: delivery,
    service,
    decoder: new DecoderDouble(),
    payloadHash: () => 'v1:',
    onFatal: (error) => fatals.push(error),
    log: silentLog,
    timers,
    drainTimeoutMs: 5_000,
  })
  return { consumer, steps, service, delivery, timers, fatals, tell: () => listener }
}

it('ends in order: pauses, lets calls finish, drains the delivery, commits and leaves', async () => {
  const { consumer, steps, service, tell } = setUp()
  await consumer.start()
  const record = requestRecord('r1')
  tell()?.onRecords([record])
  await settle()
  const stopped = consumer.stop()
  await settle()
  expect(steps).toEqual(['joined', 'paused'])
  service.end('r1')
  await stopped
  expect(steps).toEqual(['joined', 'paused', `finished ${record.offset}`, 'delivery drained', 'left'])
})

it('leaves at the limit when a call does not end', async () => {
  const { consumer, steps, timers, tell } = setUp()
  await consumer.start()
  tell()?.onRecords([requestRecord('r1')])
  await settle()
  const stopped = consumer.stop()
  await timers.advance(5_000)
  await stopped
  expect(steps).toEqual(['joined', 'paused', 'left'])
})

it('leaves at the limit when the delivery does not drain', async () => {
  const { consumer, steps, delivery, timers } = setUp()
  delivery.drain = () => new Promise(() => {})
  await consumer.start()
  const stopped = consumer.stop()
  await timers.advance(5_000)
  await stopped
  expect(steps.at(-1)).toBe('left')
})

it('starts and stops once; a second stop joins the first, and stopNow cuts it short', async () => {
  const { consumer, steps, tell } = setUp()
  expect(consumer.start()).toBe(consumer.start())
  await consumer.start()
  tell()?.onRecords([requestRecord('r1')])
  await settle()
  const stopped = consumer.stop()
  expect(consumer.stop()).toBe(stopped)
  expect(consumer.stopNow()).toBe(stopped)
  await stopped
  expect(steps.filter((step) => step === 'left')).toHaveLength(1)
})

it('hands on what makes the intake give up', () => {
  const { fatals, tell } = setUp()
  const error = new Error('gone')
  tell()?.onFatal(error)
  expect(fatals).toEqual([error])
})

it('holds retries until their time, and lets go of them at the end', async () => {
  const timers = new ManualTimers()
  const service = new ServiceDouble()
  const listeners: IntakeListener[] = []
  const finished: number[] = []
  const createIntake = (given: IntakeListener): RecordIntake => {
    listeners.push(given)
    return {
      start: async () => {},
      stop: async () => {},
      finished: ({ offset }) => void finished.push(offset),
      isCurrent: () => true,
      pause() {},
      resume() {},
      assignment: () => [],
    }
  }
  const consumer = new RequestConsumer({
    createIntake,
    topics: [{ name: 'model.requests', order: 'none', tenant: null }],
    retries: {
      createIntake,
      topics: ['retry'],
      isRetry: (topic) => topic === 'retry',
      parse: (record) => ({
        retry: 1,
        notBefore: Number(record.headers['at']),
        attempts: [],
        record,
        origin: { topic: 'model.requests', partition: 0, offset: 0 },
      }),
      clock: timers,
    },
    delivery: new DeliveryDouble(),
    deadLetters: new DeliveryDouble(),
    service,
    decoder: new DecoderDouble(),
    payloadHash: () => 'v1:',
    onFatal: () => {},
    log: silentLog,
    timers,
  })
  await consumer.start()
  const retryAt = (id: string, at: number) => {
    return { ...requestRecord(id), topic: 'retry', timestamp: 0, headers: { at: String(at) } }
  }
  const [soon, late] = [retryAt('soon', 5_000), retryAt('late', 60_000)]
  listeners[1]?.onRecords([soon, late])
  listeners[0]?.onRecords([requestRecord('now')])
  await settle()
  expect(service.called).toEqual(['now'])
  expect(consumer.status()).toMatchObject({ heldRetryCount: 2, inHandCount: 0 })
  await timers.advance(5_000)
  expect(service.called).toEqual(['now', 'soon'])
  expect(finished).toContain(soon.offset)
  await consumer.stop()
  await timers.advance(60_000)
  expect(service.called).toEqual(['now', 'soon'])
  expect(consumer.status().heldRetryCount).toBe(0)
})
