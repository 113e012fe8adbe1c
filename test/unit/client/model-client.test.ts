import { expect, it, vi } from 'vitest'
import { ModelClient } from '../../../src/client/model-client.ts'
import { settle } from '../consumers/manual-timers.ts'
import { failureOf } from './failure-of.ts'

const hello = { messages: [{ role: 'USER' as const, content: [{ text: 'Hello' }] }] }

/** A client on a broker that takes records when told to, and of whose topics nothing is known until `reachable`. */
function open() {
  const reachable = Promise.withResolvers<void>()
  const taken = Promise.withResolvers<never[]>()
  const producer = { connect: async () => {}, disconnect: vi.fn(async () => {}), sendBatch: vi.fn(() => taken.promise) }
  const admin = { connect: () => reachable.promise, disconnect: async () => {} }
  const kafka = { producer: () => producer, admin: () => admin } as never
  const registry = { findId: async () => 7, writerType: async () => null }
  const release = vi.fn(async () => {})
  return { client: new ModelClient({ kafka, registry }, release), producer, reachable, taken, release }
}

it('a closed client has ended all waiting with CANCELLED, and can be asked nothing more', async () => {
  const { client, reachable, release, producer } = open()
  const stream = client.stream(hello)
  const waiting = [
    client.chat(hello),
    client.process({ input: { type: 'ChatInput', ...hello } }),
    client.registerModel({ id: 'm', provider: 'p', capabilities: ['CHAT'] }),
    client.cancel('r'),
  ].map(failureOf)
  await settle()
  const closing = client.close()
  expect(client.close()).toBe(closing)
  for (const failure of await Promise.all(waiting)) expect(failure).toMatchObject({ code: 'CANCELLED' })
  reachable.reject(new Error('the broker is away'))
  await closing
  expect(release).toHaveBeenCalledTimes(1)
  expect(await failureOf(stream.completion)).toBeInstanceOf(Error)
  expect(producer.sendBatch).not.toHaveBeenCalled()
  expect(await failureOf(client.chat(hello))).toMatchObject({ code: 'CANCELLED' })
  expect(await failureOf(client.command({ type: 'DeleteModel', id: 'm' }))).toMatchObject({ code: 'CANCELLED' })
  expect(() => client.stream(hello)).toThrow(expect.objectContaining({ code: 'CANCELLED' }))
  expect(await failureOf(client.onCompletion({}, () => {}))).toMatchObject({ code: 'CANCELLED' })
})

it('a client that is closed waits for what is being written', async () => {
  const { client, producer, taken, release } = open()
  const sending = client.send({ requestId: 'r', tenant: 'acme', input: { type: 'ChatInput', ...hello } })
  await vi.waitFor(() => expect(producer.sendBatch).toHaveBeenCalled(), { interval: 1 })
  const closing = client.close()
  await settle()
  expect(producer.disconnect).not.toHaveBeenCalled()
  taken.resolve([])
  await closing
  expect(await sending).toEqual({ tenant: 'acme', requestId: 'r' })
  expect(producer.disconnect).toHaveBeenCalledTimes(1)
  expect(release).toHaveBeenCalledTimes(1)
})
