import { beforeEach, describe, expect, it } from 'vitest'
import { prepareRequest } from '../../../src/client/prepare-request.ts'
import { RequestCalls } from '../../../src/client/request-calls.ts'
import { contractType } from '../../../src/codec/contract-type.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { ModelCompletionDraft, ModelRequest } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { settle } from '../consumers/manual-timers.ts'
import { ConnectionDouble } from './client-doubles.ts'
import { failureOf } from './failure-of.ts'

const encode = recordEncoder('ModelCompletion', 8)
const input = { type: 'CompletionInput' as const, prompt: 'Once' }
const request = prepareRequest({ requestId: 'r1', input }, { tenant: 'acme' })

let connection: ConnectionDouble
let calls: RequestCalls
let cancelled: ModelRequest[]
beforeEach(() => {
  connection = new ConnectionDouble()
  cancelled = []
  const settings = { requestTopic: 'requests', replyTopic: 'replies', timeoutMs: 60_000, sendTimeoutMs: 5_000 }
  calls = new RequestCalls(connection.asConnection, settings, (each) => cancelled.push(each))
})

/** Replies to the n-th request that was written. */
async function reply(n: number, completion: ModelCompletionDraft): Promise<void> {
  const correlationId = connection.written[n]?.headers['correlation-id'] ?? ''
  await connection.receive('replies', { headers: { 'correlation-id': correlationId }, value: encode(completion) })
}

describe('a request that is asked', () => {
  it('is written with its reply topic and a correlation id, and answered by the reply that has it', async () => {
    const answer = calls.ask(request, { key: 'order-7', traceparent: '00-trace' })
    await settle()
    const [record] = connection.written
    expect(record).toMatchObject({
      topic: 'requests',
      headers: { 'reply-topic': 'replies', 'correlation-id': expect.any(String), traceparent: '00-trace' },
    })
    expect(record?.key.toString()).toBe('order-7')
    expect(contractType('ModelRequest').decode(unframe(record?.value ?? null).payload)).toEqual(request)

    await reply(0, { requestId: 'r1', tenant: 'acme', status: 'FAILED' })
    await expect(answer).resolves.toMatchObject({ requestId: 'r1', status: 'FAILED' })
  })

  it('leaves the replies of others alone, undecoded', async () => {
    const answer = calls.ask(request, {})
    await settle()
    await connection.receive('replies', { headers: { 'correlation-id': 'theirs' }, value: Buffer.from('not Avro') })
    await connection.receive('replies', { value: Buffer.from('not Avro') })
    expect(connection.decodedCount.value).toBe(0)
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    await answer
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    expect(connection.decodedCount.value).toBe(1)
  })

  it('has a correlation id of its own each time, so that twins do not take each other’s place', async () => {
    const first = calls.ask(request, {})
    const second = calls.ask(request, {})
    await settle()
    await reply(1, { requestId: 'r1', metadata: { n: 'second' } })
    await reply(0, { requestId: 'r1', metadata: { n: 'first' } })
    expect((await first).metadata).toEqual({ n: 'first' })
    expect((await second).metadata).toEqual({ n: 'second' })
  })

  it('may be answered before the broker has confirmed it', async () => {
    connection.onWrite = () => new Promise(() => {})
    const answer = calls.ask(request, {})
    await settle()
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    await expect(answer).resolves.toMatchObject({ status: 'COMPLETED' })
  })

  it('that is answered first does not try to write for ever', async () => {
    connection.onWrite = () => new Promise(() => {})
    const answer = calls.ask(request, {})
    await settle()
    expect(connection.writeSignals[0]?.aborted).toBe(false)
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    await answer
    expect(connection.writeSignals[0]?.aborted).toBe(true)
  })

  it('waits for what is to be there before, no longer than its limit, and is not sent before', async () => {
    const ready = Promise.withResolvers<void>()
    const failure = failureOf(calls.ask(request, { timeoutMs: 1_000 }, () => new Promise(() => {})))
    const answer = calls.ask(request, {}, () => ready.promise)
    await connection.timers.advance(1_000)
    expect(await failure).toMatchObject({ code: 'REQUEST_TIMEOUT', message: expect.stringContaining('was not sent') })
    expect(connection.written).toEqual([])
    ready.resolve()
    await settle()
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    await expect(answer).resolves.toMatchObject({ status: 'COMPLETED' })
  })

  it('fails with what its unreadable reply is', async () => {
    const answer = failureOf(calls.ask(request, {}))
    await settle()
    const correlationId = connection.written[0]?.headers['correlation-id'] ?? ''
    await connection.receive('replies', { headers: { 'correlation-id': correlationId }, value: Buffer.from('junk') })
    expect(await answer).toMatchObject({ code: 'DECODE_FAILED' })
  })

  it('goes on waiting while the registry is away: its reply is given again', async () => {
    const answer = calls.ask(request, {})
    await settle()
    const away = new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')
    const decode = connection.decode.bind(connection)
    connection.decode = () => {
      throw away
    }
    expect(await failureOf(reply(0, { requestId: 'r1', status: 'COMPLETED' }))).toBe(away)
    connection.decode = decode
    await reply(0, { requestId: 'r1', status: 'COMPLETED' })
    await expect(answer).resolves.toMatchObject({ status: 'COMPLETED' })
  })

  it('is not sent when answers could not be read', async () => {
    connection.startFailure = new ModelServiceError('TOPIC_MISSING', 'no replies')
    expect(await failureOf(calls.ask(request, {}))).toBe(connection.startFailure)
    expect(connection.written).toEqual([])
  })
})

describe('an end of the waiting', () => {
  it('comes with the time limit, and says that the request may still end', async () => {
    const failure = failureOf(calls.ask(request, { timeoutMs: 1_000 }))
    await connection.timers.advance(999)
    expect(connection.timers.pendingCount).toBe(1)
    await connection.timers.advance(1)
    expect(await failure).toMatchObject({
      code: 'REQUEST_TIMEOUT',
      message: expect.stringMatching(
        /No completion of r1 within 1000 ms.*may still end: send it again under the same id/,
      ),
    })
    expect(cancelled).toEqual([])
  })

  it('counts from the beginning, so an endless write is no endless wait', async () => {
    connection.onWrite = () => new Promise(() => {})
    const failure = failureOf(calls.ask(request, {}))
    await connection.timers.advance(60_000)
    expect(await failure).toMatchObject({ code: 'REQUEST_TIMEOUT' })
  })

  it.each([
    [true, 1, 'its end was asked for'],
    [false, 0, 'it goes on'],
  ])('comes with an abort; with cancelOnAbort %s, %i cancellations', async (cancelOnAbort, count, fate) => {
    const abort = new AbortController()
    const failure = failureOf(calls.ask(request, { signal: abort.signal, cancelOnAbort }))
    await settle()
    abort.abort()
    expect(await failure).toMatchObject({ code: 'CANCELLED', message: expect.stringContaining(fate) })
    expect(cancelled).toHaveLength(count)
    expect(connection.timers.pendingCount).toBe(0)
  })

  it('before anything was sent cancels nothing', async () => {
    const options = { signal: AbortSignal.abort(), cancelOnAbort: true }
    expect(await failureOf(calls.ask(request, options))).toMatchObject({
      code: 'CANCELLED',
      message: expect.stringContaining('it was not sent'),
    })
    expect(cancelled).toEqual([])
    expect(connection.written).toEqual([])
  })

  it('while its schema is looked up cancels nothing either', async () => {
    const found = Promise.withResolvers<void>()
    const { encoder } = connection
    connection.encoder = (name) => found.promise.then(() => encoder(name))
    const abort = new AbortController()
    const failure = failureOf(calls.ask(request, { signal: abort.signal, cancelOnAbort: true }))
    await settle()
    abort.abort()
    expect(await failure).toMatchObject({ message: expect.stringContaining('it was not sent') })
    found.resolve()
    await settle()
    expect(cancelled).toEqual([])
    expect(connection.written).toEqual([])
  })

  it('comes for all with the end of the client', async () => {
    const failures = [failureOf(calls.ask(request, {})), failureOf(calls.ask(request, {}))]
    await settle()
    calls.end(new ModelServiceError('CANCELLED', 'closed'))
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'CANCELLED', message: 'closed' })
    expect(connection.timers.pendingCount).toBe(0)
    expect(connection.writeSignals.map(({ aborted }) => aborted)).toEqual([true, true])
  })

  it('before the reading has begun leaves it unsent', async () => {
    const started = Promise.withResolvers<void>()
    connection.onStart = () => started.promise
    const failure = failureOf(calls.ask(request, {}))
    await settle()
    calls.end(new ModelServiceError('CANCELLED', 'closed'))
    expect(await failure).toMatchObject({ code: 'CANCELLED' })
    started.resolve()
    await settle()
    expect(connection.written).toEqual([])
  })
})

it('an empty key is none', async () => {
  const answer = calls.ask(request, { key: '' })
  await settle()
  expect(connection.written[0]?.key.toString()).toBe('r1')
  await reply(0, { requestId: 'r1', status: 'COMPLETED' })
  await answer
})

describe('a request that is only sent', () => {
  it('asks for no reply, and is done when the broker has it', async () => {
    const confirmed = Promise.withResolvers<void>()
    connection.onWrite = () => confirmed.promise
    let isDone = false
    const sending = calls.send(request, {}).then(() => {
      isDone = true
    })
    await settle()
    expect(connection.written[0]?.headers).toEqual({})
    expect(isDone).toBe(false)
    confirmed.resolve()
    await sending
  })

  it('says after its limit that the broker may have it', async () => {
    connection.onWrite = () => new Promise(() => {})
    const failure = failureOf(calls.send(request, {}))
    await connection.timers.advance(5_000)
    expect(await failure).toMatchObject({
      code: 'BROKER_UNAVAILABLE',
      message: expect.stringContaining('Send it again under the same id'),
    })
  })
})
