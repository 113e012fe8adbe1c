import { KafkaJSConnectionError, KafkaJSProtocolError } from 'kafkajs'
import { describe, expect, it, vi } from 'vitest'
import { RecordWriter } from '../../../src/client/record-writer.ts'
import { maxMessageBytes } from '../../../src/contract/topics.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'
import { failureOf } from './failure-of.ts'

const never = new AbortController().signal
const record = (bytes = 1) => ({ topic: 'requests', key: Buffer.from('k'), headers: {}, value: Buffer.alloc(bytes) })

function open() {
  const producer = {
    connect: vi.fn(async () => {}),
    disconnect: vi.fn(async () => {}),
    sendBatch: vi.fn(async () => []),
  }
  const timers = new ManualTimers()
  const warn = vi.fn()
  const log = { debug() {}, info() {}, warn, error() {} }
  const writer = new RecordWriter({ kafka: { producer: () => producer } as never, log, timers })
  return { writer, producer, timers, warn }
}

/** Lets batches gather, which takes a few ms. */
const sent = (producer: ReturnType<typeof open>['producer'], times = 1) =>
  vi.waitFor(() => expect(producer.sendBatch).toHaveBeenCalledTimes(times), { interval: 1 })

describe('a record', () => {
  it('is written once the broker has it', async () => {
    const { writer, producer } = open()
    const confirmed = Promise.withResolvers<never[]>()
    producer.sendBatch.mockReturnValueOnce(confirmed.promise)
    let isWritten = false
    const writing = writer.write(record(), never).then(() => {
      isWritten = true
    })
    await sent(producer)
    expect(isWritten).toBe(false)
    confirmed.resolve([])
    await writing
    expect(producer.connect).toHaveBeenCalledTimes(1)
  })

  it('is tried again while the broker is away, after longer and longer pauses', async () => {
    const { writer, producer, timers, warn } = open()
    const away = new KafkaJSConnectionError('away', { code: 'ECONNREFUSED' } as never)
    producer.connect.mockRejectedValueOnce(away)
    producer.sendBatch.mockRejectedValueOnce(away)
    const writing = writer.write(record(), never)
    await vi.waitFor(() => expect(timers.pendingCount).toBe(1), { interval: 1 })
    await timers.advance(100)
    await sent(producer)
    await vi.waitFor(() => expect(timers.pendingCount).toBe(1), { interval: 1 })
    await timers.advance(199)
    expect(timers.pendingCount).toBe(1)
    await timers.advance(1)
    await writing
    expect(producer.sendBatch).toHaveBeenCalledTimes(2)
    expect(producer.connect).toHaveBeenCalledTimes(2)
    expect(warn).toHaveBeenCalledTimes(2)
  })

  it('is given up with its signal, also in a pause', async () => {
    const { writer, producer, timers } = open()
    producer.connect.mockRejectedValue(new KafkaJSConnectionError('away', {} as never))
    const stop = new AbortController()
    const writing = failureOf(writer.write(record(), stop.signal))
    await vi.waitFor(() => expect(timers.pendingCount).toBe(1), { interval: 1 })
    const reason = new Error('the time is over')
    stop.abort(reason)
    expect(await writing).toBe(reason)
    expect(timers.pendingCount).toBe(0)
  })

  it('that no topic takes is refused, and not tried again', async () => {
    const { writer, producer, timers } = open()
    const missing = new KafkaJSProtocolError({ type: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3, message: 'none' } as never)
    producer.sendBatch.mockRejectedValue(missing)
    expect(await failureOf(writer.write(record(), never))).toMatchObject({ code: 'TOPIC_MISSING' })
    expect(timers.pendingCount).toBe(0)
  })

  it('that is too large is refused before anything is connected', async () => {
    const { writer, producer } = open()
    expect(await failureOf(writer.write(record(maxMessageBytes), never))).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(producer.connect).not.toHaveBeenCalled()
  })
})

describe('the end', () => {
  it('waits for what is being written, then disconnects', async () => {
    const { writer, producer } = open()
    const confirmed = Promise.withResolvers<never[]>()
    producer.sendBatch.mockReturnValueOnce(confirmed.promise)
    const writing = writer.write(record(), never)
    await sent(producer)
    const closing = writer.close()
    await settle()
    expect(producer.disconnect).not.toHaveBeenCalled()
    confirmed.resolve([])
    await closing
    await writing
    expect(producer.disconnect).toHaveBeenCalledTimes(1)
    expect(await failureOf(writer.write(record(), never))).toMatchObject({ code: 'CANCELLED' })
    expect(producer.sendBatch).toHaveBeenCalledTimes(1)
  })

  it('waits for a record that is tried again, until that is written or given up', async () => {
    const { writer, producer, timers } = open()
    producer.sendBatch.mockRejectedValueOnce(new KafkaJSConnectionError('away', {} as never))
    const writing = writer.write(record(), never)
    await vi.waitFor(() => expect(timers.pendingCount).toBe(1), { interval: 1 })
    const closing = writer.close()
    await settle()
    expect(producer.disconnect).not.toHaveBeenCalled()
    await timers.advance(100)
    await writing
    await closing
    expect(producer.sendBatch).toHaveBeenCalledTimes(2)
    expect(producer.disconnect).toHaveBeenCalledTimes(1)
  })

  it('comes at once where nothing was ever written', async () => {
    const { writer, producer } = open()
    await writer.close()
    expect(producer.disconnect).not.toHaveBeenCalled()
  })
})
