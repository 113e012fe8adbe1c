import { describe, expect, it } from 'vitest'
import type { CompletedChat } from '../../../src/client/completed.ts'
import { ModelStream, type StreamEvent } from '../../../src/client/model-stream.ts'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { settle } from '../consumers/manual-timers.ts'

const completed = (text: string) =>
  completeDraft('ModelCompletion', { requestId: 'r', status: 'COMPLETED', chat: { text } }) as CompletedChat
const chunk = (index: number, text: string, attempt = 1) =>
  completeDraft('ModelChunk', { requestId: 'r', token: 1, attempt, index, kind: 'TEXT', text })

function open() {
  const { promise, resolve, reject } = Promise.withResolvers<CompletedChat>()
  return { stream: new ModelStream('r', promise), resolve, reject }
}

async function read(stream: ModelStream): Promise<StreamEvent[]> {
  const events: StreamEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

describe('a stream', () => {
  it('tells what comes, waits for more, and ends with the terminal record', async () => {
    const { stream, resolve } = open()
    const reading = read(stream)
    stream.take(chunk(0, 'Hel'))
    await settle()
    stream.take(chunk(1, 'lo'))
    await settle()
    resolve(completed('Hello!'))
    const events = await reading
    expect(events.map(({ type }) => type)).toEqual(['text', 'text', 'text', 'completion'])
    expect(events.at(-2)).toEqual({ type: 'text', delta: '!', text: 'Hello!' })
    expect(events.at(-1)).toMatchObject({ completion: { chat: { text: 'Hello!' } } })
  })

  it('throws what its completion rejects with, after the deltas before', async () => {
    const { stream, reject } = open()
    stream.take(chunk(0, 'Hel'))
    reject(new Error('it failed'))
    const seen: StreamEvent[] = []
    await expect(async () => {
      for await (const event of stream) seen.push(event)
    }).rejects.toThrow('it failed')
    expect(seen).toHaveLength(1)
    await expect(stream.completion).rejects.toThrow('it failed')
  })

  it('that nobody reads does not make its failure an unhandled one, nor keep what comes without end', async () => {
    const { stream, reject, resolve } = open()
    reject(new Error('nobody looks'))
    resolve(completed(''))
    await settle()
    stream.take(chunk(0, 'late'))
  })

  it('tells nothing after its terminal record, whatever still comes', async () => {
    const { stream, resolve } = open()
    resolve(completed('Hello'))
    await settle()
    stream.take(chunk(0, 'Hello'))
    stream.take(chunk(0, 'again', 2))
    expect((await read(stream)).map(({ type }) => type)).toEqual(['text', 'completion'])
  })

  it('is read once', async () => {
    const { stream, resolve } = open()
    resolve(completed(''))
    await read(stream)
    await expect(read(stream)).rejects.toThrow('A stream is read once')
  })

  it('left early takes nothing more; its completion still comes', async () => {
    const { stream, resolve } = open()
    stream.take(chunk(0, 'a'))
    for await (const event of stream) if (event.type === 'text') break
    stream.take(chunk(1, 'b'))
    resolve(completed('ab'))
    await expect(stream.completion).resolves.toMatchObject({ status: 'COMPLETED' })
  })

  it('can be left while it waits, as those do who pipe it somewhere', async () => {
    const { stream } = open()
    const events = stream[Symbol.asyncIterator]()
    const next = events.next()
    await settle()
    expect(await events.return()).toEqual({ done: true, value: undefined })
    expect(await next).toEqual({ done: true, value: undefined })
    stream.take(chunk(0, 'a'))
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('holds so much and no more for a slow reader, who gets the rest at the end', async () => {
    const { stream, resolve } = open()
    const count = 10_500
    for (let index = 0; index < count; index++) stream.take(chunk(index, 'x'))
    resolve(completed('x'.repeat(count)))
    const events = await read(stream)
    expect(events.length).toBe(10_002)
    expect(events.at(-2)).toMatchObject({ type: 'text', text: 'x'.repeat(count) })
  })
})
