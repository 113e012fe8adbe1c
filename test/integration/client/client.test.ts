/** The client as a program uses it, against a worker, a broker that goes away, and the protocol double. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  CommandRefused,
  CompletionFailed,
  ModelClient,
  type ModelCompletion,
  optionsFromEnvironment,
  type StreamEvent,
} from '../../../src/client/index.ts'
import { withService } from '../../support/service.ts'
import { createTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'

const service = withService()
let client: ModelClient
let proxy: TcpProxy

const hello = { messages: [{ role: 'USER' as const, content: [{ text: 'Say something.' }] }] }
const wait = { timeoutMs: 30_000 }
/** What a promise rejects with. */
const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'nothing',
    (error: unknown) => error,
  )

beforeAll(async () => {
  await service.startWorker({ env: { RETRY_DELAYS_MS: 'none', TARGET_RETRIES_COUNT: '0' } })
  await service.registerOnDouble({
    talker: { capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING'], providerModel: 'double-chat' },
    broken: { capabilities: ['CHAT'], providerModel: 'double-cut-stream' },
    stalling: { capabilities: ['CHAT'], providerModel: 'double-stall-stream' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-30000' },
  })
  proxy = await createTcpProxy(service.env['KAFKA_BROKERS'] ?? '', { kafka: true })
  await proxy.join()
  client = await ModelClient.connect(optionsFromEnvironment(service.env))
})
afterAll(async () => {
  await client.close()
  await proxy.cut()
})

describe('a call', () => {
  it('gives the output of its type, and says what it cost', async () => {
    const completion = await client.chat(hello, { model: 'talker', metadata: { page: '1' }, ...wait })
    expect(completion).toMatchObject({ status: 'COMPLETED', kind: 'CHAT', model: 'talker', metadata: { page: '1' } })
    expect(completion.chat.text).toContain('[double]')
    expect(completion.usage?.outputTokens).toBeGreaterThan(0)

    const { embedding } = await client.embedding({ texts: ['one', 'two'] }, { model: 'talker', ...wait })
    expect(embedding.vectors).toHaveLength(2)
    const { completion: continued } = await client.completion({ prompt: 'Once' }, { model: 'talker', ...wait })
    expect(continued.text).not.toBe('')
  })

  it('serves many at once', async () => {
    const completions = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        client.chat(hello, { model: 'talker', metadata: { n: String(n) }, ...wait }),
      ),
    )
    expect(completions.map(({ metadata }) => metadata['n'])).toEqual(completions.map((_, n) => String(n)))
  })

  it('that fails throws the completion, with the code of its error', async () => {
    const failure = await failureOf(client.chat(hello, { model: 'nobody-knows-this', ...wait }))
    expect(failure).toBeInstanceOf(CompletionFailed)
    expect(failure).toMatchObject({ code: 'MODEL_NOT_FOUND', completion: { status: 'FAILED', chat: null } })
    const raw = await client.process({ model: 'nobody-knows-this', input: { type: 'ChatInput', ...hello } }, wait)
    expect(raw).toMatchObject({ status: 'FAILED', error: { code: 'MODEL_NOT_FOUND' } })
  })

  it('that cannot be right is refused before it is sent', async () => {
    const before = (await service.readAll('requests')).length
    const input = { messages: [{ role: 'USER' as const, content: [] }] }
    expect(await failureOf(client.chat(input))).toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('input.messages[0].content'),
    })
    expect(await failureOf(client.chat(hello, { key: 'k'.repeat(9_000_000) }))).toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
    })
    expect((await service.readAll('requests')).length).toBe(before)
  })
})

describe('the same id again', () => {
  const callsNow = () => service.double.ledger.list().length

  it('gives the same answer, and pays for nothing', async () => {
    const requestId = randomUUID()
    const first = await client.chat(hello, { model: 'talker', requestId, ...wait })
    const calls = callsNow()
    const again = await client.chat(hello, { model: 'talker', requestId, ...wait })
    expect(again).toEqual(first)
    expect(callsNow()).toBe(calls)
  })

  it('gives it also where the request log keeps no answers: it is looked for on its topic', async () => {
    const requestId = randomUUID()
    const first = await client.chat(hello, { model: 'talker', requestId, key: 'a-key', ...wait })
    await service.sql.query('UPDATE request_log SET completion_body = NULL WHERE request_id = $1', [requestId])
    const again = await client.chat(hello, { model: 'talker', requestId, key: 'a-key', ...wait })
    expect(again).toEqual(first)
    // Under another key nobody finds it; how it ended is known all the same.
    const input = { type: 'ChatInput' as const, ...hello }
    const elsewhere = await client.process({ model: 'talker', requestId, input }, wait)
    expect(elsewhere).toMatchObject({ status: 'COMPLETED', chat: null, warnings: [{ code: 'OUTPUT_OMITTED' }] })
  })

  it('is shared by two that ask at once', async () => {
    const requestId = randomUUID()
    const calls = callsNow()
    const answers = await Promise.all([1, 2].map(() => client.chat(hello, { model: 'talker', requestId, ...wait })))
    expect(answers[0]).toEqual(answers[1])
    expect(callsNow()).toBe(calls + 1)
  })

  it('with other content is told so at once', async () => {
    const requestId = randomUUID()
    await client.chat(hello, { model: 'talker', requestId, ...wait })
    const failure = await failureOf(client.chat(hello, { model: 'talker', requestId, taskType: 'other', ...wait }))
    expect(failure).toBeInstanceOf(CompletionFailed)
    expect(failure).toMatchObject({ code: 'DUPLICATE_REQUEST_ID', completion: { status: 'REJECTED' } })
  })
})

/** A server that streams one answer to every call, once it may. */
async function serveAnswer(text: string, mayAnswer: Promise<void>): Promise<AsyncDisposable & { baseUrl: string }> {
  const server = createServer(async (_, response) => {
    await mayAnswer
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const choice of [
      { delta: { role: 'assistant', content: text }, finish_reason: null },
      { delta: {}, finish_reason: 'stop' },
    ]) {
      const choices = [{ index: 0, ...choice }]
      const chunk = { id: 'answer', object: 'chat.completion.chunk', created: 1, model: 'other', choices }
      response.write(`data: ${JSON.stringify(chunk)}\n\n`)
    }
    response.end('data: [DONE]\n\n')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('a stream', () => {
  async function read(events: AsyncIterable<StreamEvent>, onEvent: () => void = () => {}) {
    const seen: StreamEvent[] = []
    let text = ''
    for await (const event of events) {
      seen.push(event)
      onEvent()
      if (event.type === 'restart') text = ''
      if (event.type === 'text') text += event.delta
    }
    return { seen, text }
  }

  it('tells the words as they come, then the terminal record', async () => {
    const stream = client.stream(hello, { model: 'talker', ...wait })
    const { seen, text } = await read(stream)
    const completion = await stream.completion
    expect(text).toBe(completion.chat.text)
    expect(seen.at(-1)).toEqual({ type: 'completion', completion })
    expect(completion.requestId).toBe(stream.requestId)
  })

  it('tells them before the answer is whole', async () => {
    const abort = new AbortController()
    const stream = client.stream(hello, { model: 'stalling', signal: abort.signal, cancelOnAbort: true, ...wait })
    let text = ''
    const reading = async () => {
      for await (const event of stream) {
        if (event.type === 'text') text = event.text
        if (text !== '') abort.abort()
      }
    }
    expect(await failureOf(reading())).toMatchObject({ code: 'CANCELLED' })
    expect('[double] '.startsWith(text) || text.startsWith('[double] ')).toBe(true)
    const [completion] = await service.completions([stream.requestId])
    expect(completion).toMatchObject({ status: 'CANCELLED' })
  })

  it('that breaks begins anew on the next target, and says so', async () => {
    // The next target answers when the words of the first have come: a terminal record may overtake chunks.
    const heard = Promise.withResolvers<void>()
    await using server = await serveAnswer('Something else.', heard.promise)
    await client.registerProvider({ id: 'patient', kind: 'openai', baseUrl: server.baseUrl }, wait)
    await client.registerModel({ id: 'other', provider: 'patient', capabilities: ['CHAT'] }, wait)
    await client.registerRoute({ id: 'careful', targets: [{ model: 'broken' }, { model: 'other' }] }, wait)
    const stream = client.stream(hello, { model: 'careful', onUncertain: 'RETRY', ...wait })
    const { seen, text } = await read(stream, heard.resolve)
    expect(seen.map(({ type }) => type)).toContain('restart')
    expect(text).toBe('Something else.')
    const last = seen.at(-1)
    expect(last).toMatchObject({ type: 'completion', completion: { model: 'other', chat: { text } } })
  })

  it('of a request that had ended tells the whole answer', async () => {
    const requestId = randomUUID()
    const first = client.stream(hello, { model: 'talker', requestId, ...wait })
    const { text } = await read(first)
    expect((await read(client.stream(hello, { model: 'talker', requestId, ...wait }))).text).toBe(text)
  })

  it('that fails throws what the call would', async () => {
    const failure = await failureOf(read(client.stream(hello, { model: 'nobody-knows-this', ...wait })))
    expect(failure).toMatchObject({ code: 'MODEL_NOT_FOUND', completion: { status: 'FAILED' } })
  })

  it('is printed by send --stream as it comes', async () => {
    const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
    const args = [main, 'send', '--model', 'talker', '--prompt', 'Say something.', '--stream']
    const env = { ...service.env, PATH: process.env['PATH'] ?? '' }
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env, timeout: 60_000 })
    expect(stdout).toMatch(/^\[double\] .*\n$/)
    expect(stderr).toMatch(/COMPLETED [0-9a-f-]{36} talker \(double\)/)
  })
})

describe('who does not wait', () => {
  it('sends, and hears of completions by a filter', async () => {
    const heard: ModelCompletion[] = []
    const stop = await client.onCompletion({ taskType: 'wanted', status: 'COMPLETED' }, (completion) => {
      heard.push(completion)
      throw new Error('a handler that fails harms nobody')
    })
    const input = { type: 'ChatInput' as const, ...hello }
    const sent = await client.send({ model: 'talker', taskType: 'wanted', tenant: 'acme', input })
    await client.send({ model: 'talker', taskType: 'other', input })
    await client.send({ model: 'talker', taskType: 'wanted', input })
    await until(() => heard.length === 2, 'two completions')
    expect(heard.map(({ tenant, requestId }) => ({ tenant, requestId }))).toContainEqual(sent)
    stop()
    await client.chat(hello, { model: 'talker', taskType: 'wanted', ...wait })
    expect(heard).toHaveLength(2)
  })
})

describe('an end before the answer', () => {
  it('comes with the time limit', async () => {
    const failure = await failureOf(client.chat(hello, { model: 'slow', timeoutMs: 800 }))
    expect(failure).toMatchObject({ code: 'REQUEST_TIMEOUT', message: expect.stringContaining('may still end') })
  })

  it('cancels the request where that is wanted', async () => {
    const abort = new AbortController()
    const options = { model: 'slow', requestId: randomUUID(), signal: abort.signal, cancelOnAbort: true }
    const slowCalls = () => service.double.ledger.list().filter(({ model }) => model === 'double-delay-30000').length
    const before = slowCalls()
    const calling = failureOf(client.chat(hello, options))
    await until(() => slowCalls() > before, 'the call')
    abort.abort()
    expect(await calling).toMatchObject({ code: 'CANCELLED' })
    const [completion] = await service.completions([options.requestId])
    expect(completion).toMatchObject({ status: 'CANCELLED' })
    const ended = await client.chat(hello, { model: 'talker', ...wait })
    expect(await client.cancel(ended.requestId, wait)).toMatchObject({ status: 'UNCHANGED' })
  })

  it('comes with the end of the client, which can be asked nothing more', async () => {
    const other = await ModelClient.connect(optionsFromEnvironment(service.env))
    const calling = failureOf(other.chat(hello, { model: 'slow', ...wait }))
    const sending = other.send({ model: 'talker', input: { type: 'ChatInput', ...hello } })
    await other.close()
    expect(await calling).toMatchObject({ code: 'CANCELLED' })
    await expect(sending).resolves.toHaveProperty('requestId')
    expect(await failureOf(other.chat(hello))).toMatchObject({ code: 'CANCELLED' })
    expect(await failureOf(other.onCompletion({}, () => {}))).toMatchObject({ code: 'CANCELLED' })
  })
})

describe('commands', () => {
  it('are carried out once, and refused with their reason', async () => {
    const commandId = randomUUID()
    const model = { id: 'another', provider: 'double', capabilities: ['CHAT' as const] }
    const applied = await client.registerModel(model, { commandId, ...wait })
    expect(applied).toMatchObject({ status: 'APPLIED', entityId: 'another' })
    expect(await client.registerModel(model, { commandId, ...wait })).toEqual(applied)
    const failure = await failureOf(client.registerModel(model, wait))
    expect(failure).toBeInstanceOf(CommandRefused)
    expect(failure).toMatchObject({ code: 'MODEL_ALREADY_EXISTS', result: { status: 'REJECTED' } })
    const raw = await client.command({ type: 'RegisterModel', model }, wait)
    expect(raw).toMatchObject({ status: 'REJECTED', error: { code: 'MODEL_ALREADY_EXISTS' } })
  })

  it('of two clients under one id are told apart', async () => {
    await using other = await ModelClient.connect(optionsFromEnvironment(service.env))
    const commandId = randomUUID()
    const model = { id: 'contested', provider: 'double', capabilities: ['CHAT' as const] }
    const results = await Promise.all([
      client.command({ type: 'RegisterModel', model }, { commandId, ...wait }),
      other.command({ type: 'DeleteModel', id: 'nothing' }, { commandId, ...wait }),
    ])
    // Whichever comes second is refused, and only that one.
    expect(results.filter(({ error }) => error?.code === 'COMMAND_ID_REUSED')).toHaveLength(1)
    expect(results.map(({ command }) => command)).toEqual(['RegisterModel', 'DeleteModel'])
  })
})

describe('a broker that goes away and comes back', () => {
  it('loses no answer, and takes what was asked meanwhile', async () => {
    const options = optionsFromEnvironment({ ...service.env, KAFKA_BROKERS: proxy.address })
    await using far = await ModelClient.connect(options)
    await far.chat(hello, { model: 'talker', ...wait })
    await service.registerOnDouble({ later: { capabilities: ['CHAT'], providerModel: 'double-delay-1500' } })
    const answered = far.chat(hello, { model: 'later', timeoutMs: 60_000 })
    await until(() => service.double.ledger.list().some(({ model }) => model === 'double-delay-1500'), 'the call')
    await proxy.cut()
    const asked = far.chat(hello, { model: 'talker', timeoutMs: 60_000 })
    const sent = far.send({ model: 'talker', input: { type: 'ChatInput', ...hello } })
    await proxy.join()
    expect(await answered).toMatchObject({ status: 'COMPLETED', model: 'later' })
    expect(await asked).toMatchObject({ status: 'COMPLETED', model: 'talker' })
    expect(await sent).toHaveProperty('requestId')
  })
})

describe('a client that is closed while the broker is away', () => {
  it('does not wait for it, whatever was being asked', async () => {
    const options = optionsFromEnvironment({ ...service.env, KAFKA_BROKERS: proxy.address })
    const far = await ModelClient.connect(options)
    await far.chat(hello, { model: 'talker', ...wait })
    await proxy.cut()
    const asked = [
      failureOf(far.chat(hello, { model: 'talker', timeoutMs: 600_000 })),
      failureOf(far.stream(hello, { model: 'talker', timeoutMs: 600_000 }).completion),
      failureOf(far.cancel('any', { timeoutMs: 600_000 })),
    ]
    const began = performance.now()
    await far.close()
    for (const failure of asked) expect(await failure).toMatchObject({ code: 'CANCELLED' })
    expect(performance.now() - began).toBeLessThan(30_000)
    await proxy.join()
  })
})

describe('a client that cannot work', () => {
  it('says what is away or missing when it connects', async () => {
    const options = optionsFromEnvironment(service.env)
    const nowhere = { ...options, kafka: { ...options.kafka, brokers: ['127.0.0.1:1'] } }
    expect(await failureOf(ModelClient.connect(nowhere))).toMatchObject({ code: 'BROKER_UNAVAILABLE' })
    expect(await failureOf(ModelClient.connect({ ...options, topicPrefix: 'none.' }))).toMatchObject({
      code: 'SCHEMA_MISSING',
    })
    await using lost = await ModelClient.connect({ ...options, replyTopic: 'no-such-topic' })
    expect(await failureOf(lost.chat(hello, wait))).toMatchObject({ code: 'TOPIC_MISSING' })
  })
})
