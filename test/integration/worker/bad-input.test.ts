/** Bad input of every kind, mixed with good: each ends with its code, nothing is lost, the good is not disturbed. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const chat = { capabilities: ['CHAT' as const] }

beforeAll(async () => {
  await service.startWorker({ env: { ATTEMPT_TIMEOUT_MS: '1500', RETRY_DELAYS_MS: 'none' } })
  await service.registerOnDouble({
    good: { ...chat, providerModel: 'double-chat' },
    sleeping: { ...chat, providerModel: 'double-chat', status: 'INACTIVE' },
    old: { ...chat, providerModel: 'double-chat', status: 'DEPRECATED' },
    small: { ...chat, providerModel: 'double-chat', contextWindow: 64, maxOutputTokens: 16 },
    ...Object.fromEntries(
      [
        'status-400',
        'status-401',
        'status-404',
        'status-429',
        'status-500',
        'timeout',
        'garbage',
        'reset',
        'empty',
      ].map((name) => [name, { ...chat, providerModel: `double-${name}` }]),
    ),
  })
})

const longText = 'word '.repeat(2_000)
const user = (text: string): ModelRequestDraft['input'] => ({
  type: 'ChatInput',
  messages: [{ role: 'USER', content: [{ text }] }],
})

const cases: [what: string, request: Partial<ModelRequestDraft>, status: string, code: string][] = [
  ['an unknown model', { model: 'no-such-model' }, 'FAILED', 'MODEL_NOT_FOUND'],
  ['an inactive model', { model: 'sleeping' }, 'FAILED', 'MODEL_INACTIVE'],
  ['no model at all', { model: null }, 'FAILED', 'MODEL_NOT_FOUND'],
  ['a provider that nobody knows', { model: null, provider: 'nobody' }, 'FAILED', 'PROVIDER_UNKNOWN'],
  [
    'a model without the capability',
    { model: 'good', input: { type: 'EmbeddingInput', texts: ['a'] } },
    'FAILED',
    'CAPABILITY_NOT_SUPPORTED',
  ],
  ['too long a prompt', { model: 'small', input: user(longText) }, 'FAILED', 'CONTEXT_LENGTH'],
  [
    'too many output tokens',
    {
      model: 'small',
      input: { type: 'ChatInput', messages: [{ content: [{ text: 'a' }] }], sampling: { maxOutputTokens: 1_000 } },
    },
    'FAILED',
    'TOKEN_LIMIT',
  ],
  ['no messages', { model: 'good', input: { type: 'ChatInput', messages: [] } }, 'REJECTED', 'INVALID_REQUEST'],
  [
    'a temperature out of range',
    {
      model: 'good',
      input: { type: 'ChatInput', messages: [{ content: [{ text: 'a' }] }], sampling: { temperature: 9 } },
    },
    'REJECTED',
    'INVALID_REQUEST',
  ],
  ['a deadline that has passed', { model: 'good', deadline: 1_000 }, 'EXPIRED', 'DEADLINE_EXCEEDED'],
  ['provider answer 400', { model: 'status-400' }, 'FAILED', 'INVALID_REQUEST'],
  ['provider answer 401', { model: 'status-401' }, 'FAILED', 'PROVIDER_AUTHENTICATION'],
  ['provider answer 404', { model: 'status-404' }, 'FAILED', 'MODEL_NOT_FOUND'],
  ['provider answer 429', { model: 'status-429' }, 'FAILED', 'RATE_LIMITED'],
  ['provider answer 500', { model: 'status-500' }, 'FAILED', 'PROVIDER_ERROR'],
  ['a provider that does not answer', { model: 'timeout' }, 'FAILED', 'REQUEST_TIMEOUT'],
  ['a provider that answers garbage', { model: 'garbage' }, 'FAILED', 'PROVIDER_ERROR'],
  ['a provider that answers nothing', { model: 'empty' }, 'FAILED', 'PROVIDER_ERROR'],
  ['a provider that breaks the connection', { model: 'reset' }, 'FAILED', 'PROVIDER_UNAVAILABLE'],
]

describe('bad requests among good ones', () => {
  it('each end once, with status and code; the good ones complete', async () => {
    const sent = cases.map(([, request]) => service.chat('good', request))
    const good = cases.map(() => service.chat('good'))
    for (const [index, request] of sent.entries()) {
      await service.send(request)
      const between = good[index]
      if (between !== undefined) await service.send(between)
    }
    const ended = await service.completions(sent.map(({ requestId }) => requestId))
    expect(ended.map(({ status, error }, index) => [cases[index]?.[0], status, error?.code])).toEqual(
      cases.map(([what, , status, code]) => [what, status, code]),
    )
    const completed = await service.completions(good.map(({ requestId }) => requestId))
    expect(completed.map(({ status }) => status)).toEqual(good.map(() => 'COMPLETED'))
    await service.offsetsAtEnd('requests')
    expect(await service.readAll('completions')).toHaveLength(2 * cases.length)
    for (const { error, attempts } of ended) {
      expect(error?.message.length).toBeGreaterThan(20)
      // An unknown fate is an attempt of its own, with the cost unknown.
      for (const { outcome, cost } of attempts) if (outcome === 'UNKNOWN') expect(cost.amount).toBeNull()
    }
  }, 120_000)

  it('a deprecated model serves, with a warning', async () => {
    const request = service.chat('old')
    await service.send(request)
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', warnings: [{ code: 'MODEL_DEPRECATED' }] })
  })
})

describe('bad records among good ones', () => {
  const framed = (schemaId: number, body: Buffer) => {
    const header = Buffer.alloc(5)
    header.writeInt32BE(schemaId, 1)
    return Buffer.concat([header, body])
  }
  const records: [what: string, value: Buffer | null, code: string][] = [
    ['a tombstone', null, 'DECODE_FAILED'],
    ['an empty value', Buffer.alloc(0), 'DECODE_FAILED'],
    ['four bytes', Buffer.from([0, 0, 0, 0]), 'DECODE_FAILED'],
    ['JSON', Buffer.from('{"requestId":"a"}'), 'DECODE_FAILED'],
    ['an unknown schema id', framed(2_000_000_000, Buffer.from('abc')), 'SCHEMA_UNKNOWN'],
  ]

  it('go to the dead letters byte for byte, and the good are served', async () => {
    const before = (await service.readAll('requestsDeadLetters')).length
    const good = records.map(() => service.chat('good'))
    for (const [index, [what, value]] of records.entries()) {
      await service.sendBytes('requests', { key: what, value, headers: { 'x-mine': 'kept' } })
      const between = good[index]
      if (between !== undefined) await service.send(between)
    }
    const completed = await service.completions(good.map(({ requestId }) => requestId))
    expect(completed.map(({ status }) => status)).toEqual(good.map(() => 'COMPLETED'))
    await until(
      async () => (await service.readAll('requestsDeadLetters')).length >= before + records.length,
      'the dead letters',
    )
    const letters = await service.readAll('requestsDeadLetters')
    for (const [what, value, code] of records) {
      const letter = letters.find(({ key }) => key?.toString() === what)
      expect(letter?.headers, what).toMatchObject({ 'dlt-reason': code, 'x-mine': 'kept' })
      expect(letter?.value, what).toEqual(value)
    }
    await service.offsetsAtEnd('requests')
  })

  it('whose id is no id go to the dead letters alone', async () => {
    const request = { ...service.chat('good'), requestId: 'has a space' }
    await service.send(request, 'bad-id')
    await until(
      async () => (await service.readAll('requestsDeadLetters')).some(({ key }) => key?.toString() === 'bad-id'),
      'the dead letter',
    )
    const completions = await service.readRecords('completions')
    expect(completions.some(({ record }) => record.requestId === request.requestId)).toBe(false)
  })

  it('of commands go to the dead letters of commands, and later commands are served', async () => {
    await service.sendBytes('commands', { key: randomUUID(), value: Buffer.from('no command') })
    const result = await service.command({ type: 'SetModelStatus', id: 'sleeping', status: 'ACTIVE' })
    expect(result.status).toBe('APPLIED')
    expect(await service.readAll('commandsDeadLetters')).toHaveLength(1)
  })
})
