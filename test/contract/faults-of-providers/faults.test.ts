/** What providers do wrong on the wire, and what becomes of the request: published, called, in what time. */
import { afterEach, describe, expect, test } from 'vitest'
import { answer, type Fault, openAiEvents, refusal, reset, serves, silence, stream } from './faulty-provider.ts'
import { type Sent, startTwoTargets, type TwoTargets, type TwoTargetsOptions } from './two-targets.ts'

const bad = serves('bad-model', ['never', ' shown'])
const good = serves('model-of-two', ['Hel', 'lo'])
const goodOfOne = serves('model-of-one', ['Hel', 'lo'])
const begun = openAiEvents('bad-model', ['half', ' an answer']).slice(0, 3)

let targets: TwoTargets | undefined
afterEach(async () => {
  await targets?.close()
  targets = undefined
})

async function start(options: TwoTargetsOptions): Promise<TwoTargets> {
  targets = await startTwoTargets({ fallback: [good], ...options })
  return targets
}

interface Case {
  name: string
  primary: Fault[]
  fallback?: Fault[]
  /** Calls of each. */
  calls: [number, number]
  status?: string
  code?: string
  /** Outcomes of the attempts, in order. */
  attempts: string
  /** Model that answered. */
  model?: string
  /** Of the injected clock; sockets take up to a few seconds of it. */
  withinMs: [number, number]
}

const soon: [number, number] = [0, 25_000]
const faults: Case[] = [
  {
    name: '429 with a short Retry-After: waited for',
    primary: [refusal(429, {}, { 'retry-after': '1' }), goodOfOne],
    calls: [2, 0],
    attempts: 'FAILED SUCCEEDED',
    model: 'model-of-one',
    withinMs: [1_000, 25_000],
  },
  {
    name: '429 with a long Retry-After: the next target at once',
    primary: [refusal(429, {}, { 'retry-after': '60' }), bad],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: '429 without Retry-After',
    primary: [refusal(429), bad],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'one 500: the same target again',
    primary: [refusal(500), goodOfOne],
    calls: [2, 0],
    attempts: 'FAILED SUCCEEDED',
    model: 'model-of-one',
    withinMs: soon,
  },
  {
    name: 'lasting 503',
    primary: [refusal(503)],
    calls: [3, 1],
    attempts: 'FAILED FAILED FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: '503 with a short Retry-After: waited for',
    primary: [refusal(503, {}, { 'retry-after': '1' }), goodOfOne],
    calls: [2, 0],
    attempts: 'FAILED SUCCEEDED',
    model: 'model-of-one',
    withinMs: [1_000, 25_000],
  },
  {
    name: '503 with a long Retry-After: the next target at once',
    primary: [refusal(503, {}, { 'retry-after': '60' }), bad],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'a reset before the headers: the same target again',
    primary: [reset, goodOfOne],
    calls: [2, 0],
    attempts: 'UNKNOWN SUCCEEDED',
    model: 'model-of-one',
    withinMs: soon,
  },
  {
    name: 'no answer',
    primary: [silence, bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: [30_000, 150_000],
  },
  {
    name: 'a first token that does not come, though keep-alives do',
    primary: [stream(begun.slice(0, 1), 'keep-alives'), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: [60_000, 180_000],
  },
  {
    name: 'a cut stream',
    primary: [stream(begun, 'cut'), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'a reset stream',
    primary: [stream(begun, 'reset'), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'a stalled stream',
    primary: [stream(begun, 'open'), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: [60_000, 180_000],
  },
  {
    name: 'a stream of keep-alives after some content',
    primary: [stream(begun, 'keep-alives'), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: [60_000, 180_000],
  },
  {
    name: 'a malformed chunk',
    primary: [stream([...begun, 'data: {"cho'], 'open'), bad],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'no end marker',
    primary: [stream(begun), bad],
    calls: [1, 1],
    attempts: 'UNKNOWN SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'an error within the stream',
    primary: [stream([...begun, 'data: {"error":{"message":"x","type":"server_error"}}']), bad],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'a context that is too long',
    primary: [refusal(400, { code: 'context_length_exceeded' })],
    calls: [1, 0],
    status: 'FAILED',
    code: 'CONTEXT_LENGTH',
    attempts: 'FAILED',
    withinMs: soon,
  },
  {
    name: 'a content filter',
    primary: [refusal(400, { code: 'content_filter' })],
    calls: [1, 0],
    status: 'FAILED',
    code: 'CONTENT_FILTERED',
    attempts: 'FAILED',
    withinMs: soon,
  },
  {
    name: 'a bad request',
    primary: [refusal(400, { type: 'invalid_request_error' })],
    calls: [1, 0],
    status: 'FAILED',
    code: 'INVALID_REQUEST',
    attempts: 'FAILED',
    withinMs: soon,
  },
  {
    name: 'a fallback that refuses a prefill: the outage of the primary decides, which may pass',
    primary: [refusal(503)],
    fallback: [refusal(400, { type: 'invalid_request_error' })],
    calls: [3, 1],
    status: 'FAILED',
    code: 'PROVIDER_UNAVAILABLE',
    attempts: 'FAILED FAILED FAILED FAILED',
    withinMs: soon,
  },
  { name: 'a refused key', primary: [refusal(401)], calls: [1, 1], attempts: 'FAILED SUCCEEDED', withinMs: soon },
  {
    name: 'an unknown model',
    primary: [refusal(404, { code: 'model_not_found' })],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'an answer that is not HTTP',
    primary: [(socket) => void socket.end('SSH-2.0\r\n')],
    calls: [3, 1],
    attempts: 'UNKNOWN UNKNOWN UNKNOWN SUCCEEDED',
    withinMs: soon,
  },
  {
    name: 'a page of a gateway',
    primary: [answer(200, '<html>', { 'content-type': 'text/html' })],
    calls: [1, 1],
    attempts: 'FAILED SUCCEEDED',
    withinMs: soon,
  },
]

describe.each([
  ['streamed', true],
  ['not streamed', false],
])('a request that is %s survives or ends by its name:', (_how, isStreamed) => {
  test.each(faults)('$name', async ({ primary, fallback, calls, status, code, attempts, model, withinMs }) => {
    const { send, ...both } = await start({
      primary: [...primary],
      hurries: withinMs[0] >= 30_000,
      ...(fallback && { fallback }),
    })
    const sent = await send({ stream: isStreamed })
    const { completion, tookMs } = sent
    expect(completion.error?.code).toBe(code)
    expect(completion.status).toBe(status ?? 'COMPLETED')
    expect(completion.attempts.map(({ outcome }) => outcome).join(' ')).toBe(attempts)
    expect([both.primary.callCount(), both.fallback.callCount()]).toEqual(calls)
    expect(tookMs).toBeGreaterThanOrEqual(withinMs[0])
    expect(tookMs).toBeLessThan(withinMs[1])
    expect(both.published).toHaveLength(1)
    // Who answered, and what it used, is told truly.
    if (status === undefined) {
      const answered = model ?? 'model-of-two'
      expect(completion).toMatchObject({ chat: { text: 'Hello' }, providerModel: answered, finishReason: 'STOP' })
      expect(completion).toMatchObject({ provider: answered === 'model-of-one' ? 'one' : 'two' })
      expect(completion.attempts.at(-1)?.usage).toMatchObject({ inputUncachedTokens: 7, outputTokens: 3 })
    }
    expectChunks(sent, isStreamed)
  })
})

/** Chunks are numbered within their attempt, and those of the last attempt alone make the answer. */
function expectChunks({ completion, chunks }: Sent, isStreamed: boolean) {
  if (!isStreamed) return expect(chunks).toEqual([])
  const order = chunks.map(({ attempt, index }) => attempt * 1_000 + index)
  expect(order).toEqual([...order].sort((a, b) => a - b))
  if (completion.status !== 'COMPLETED') return
  const last = chunks.filter(({ attempt }) => attempt === completion.attempts.at(-1)?.number)
  expect(last.map(({ text }) => text).join('')).toBe(completion.chat?.text)
}

describe('a call of unknown fate under onUncertain FAIL', () => {
  test.each([
    ['no answer', silence],
    ['a reset', reset],
    ['a cut stream', stream(begun, 'cut')],
    ['no end marker', stream(begun)],
  ])('by %s is followed by no other', async (_name, fault) => {
    const { send, primary, fallback } = await start({ primary: [fault], hurries: fault === silence })
    const { completion } = await send({ onUncertain: 'FAIL' })
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'OUTCOME_UNKNOWN' } })
    expect([primary.callCount(), fallback.callCount()]).toEqual([1, 0])
  })
})

describe('a target that is alone', () => {
  test.each([
    ['a silent one is waited for as long as the total allows', [silence], 1, 'REQUEST_TIMEOUT', [600_000, 700_000]],
    ['a broken stream is asked for again', [stream(begun, 'reset')], 3, 'PROVIDER_ERROR', soon],
    ['a long wait is left to the retry topics', [refusal(429, {}, { 'retry-after': '60' })], 1, 'RATE_LIMITED', soon],
  ] as const)('%s', async (_name, primary, calls, code, withinMs) => {
    const { send, ...both } = await start({ primary: [...primary], hurries: withinMs[0] > 0 })
    const { completion, tookMs } = await send({ model: 'alone', stream: true })
    expect(completion).toMatchObject({ status: 'FAILED', error: { code, retryable: true } })
    expect(both.primary.callCount()).toBe(calls)
    expect(tookMs).toBeGreaterThanOrEqual(withinMs[0])
    expect(tookMs).toBeLessThan(withinMs[1])
  })

  test('what it finds too long goes where the route sends it', async () => {
    const primary = [refusal(400, { code: 'context_length_exceeded' })]
    const { send } = await start({ primary, fallback: [good], onContextLength: 'second' })
    const { completion } = await send({ model: 'alone' })
    expect(completion).toMatchObject({ status: 'COMPLETED', model: 'second', chat: { text: 'Hello' } })
    expect(completion.attempts.map(({ outcome }) => outcome)).toEqual(['FAILED', 'SUCCEEDED'])
  })

  test('the deadline ends the waits, too', async () => {
    const { send, primary } = await start({ primary: [refusal(429, {}, { 'retry-after': '4' })] })
    const { completion } = await send({ model: 'alone', deadline: 1_800_000_003_000 })
    expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'RATE_LIMITED' } })
    expect(primary.callCount()).toBe(1)
  })
})

describe('a silent primary with a deadline', () => {
  test('leaves the fallback half of the time', async () => {
    const { send, timers } = await start({ primary: [silence] })
    const { completion, tookMs } = await send({ deadline: 1_800_000_020_000 + timers.now() })
    expect(completion).toMatchObject({ status: 'COMPLETED', provider: 'two' })
    expect(tookMs).toBeLessThan(20_000)
  })
})

describe('keys', () => {
  const keys = ['MODEL_KEY_A', 'MODEL_KEY_B']

  test('take turns', async () => {
    const { send, primary } = await start({ primary: [serves('m')], keys })
    for (let call = 0; call < 4; call++) await send()
    expect(primary.keys).toEqual(['MODEL_KEY_A', 'MODEL_KEY_B', 'MODEL_KEY_A', 'MODEL_KEY_B'])
  })

  test.each([
    ['refused', refusal(401)],
    ['out of credit', refusal(429, { code: 'insufficient_quota' })],
    ['limited', refusal(429, {}, { 'retry-after': '30' })],
  ])('one that is %s is followed by the next at once, and set aside', async (_name, fault) => {
    const { send, primary, fallback } = await start({ primary: [fault, serves('m')], keys })
    const { completion, tookMs } = await send()
    expect(completion).toMatchObject({ status: 'COMPLETED', provider: 'one' })
    expect(tookMs).toBeLessThan(25_000)
    for (let call = 0; call < 2; call++) await send()
    expect(primary.keys).toEqual(['MODEL_KEY_A', 'MODEL_KEY_B', 'MODEL_KEY_B', 'MODEL_KEY_B'])
    expect(fallback.callCount()).toBe(0)
  })

  test('all refused: the fallback serves, and a key that is repaired is taken up', async () => {
    const { send, primary, fallback, timers } = await start({ primary: [refusal(401)], keys })
    expect((await send()).completion.provider).toBe('two')
    expect((await send()).completion.provider).toBe('two')
    expect([primary.callCount(), fallback.callCount()]).toEqual([2, 2])
    // Nothing else is left to the route of one target, so that it asks again.
    primary.play(serves('m'))
    expect((await send({ model: 'alone', stream: true })).completion.status).toBe('COMPLETED')
    await timers.advance(60_000)
    expect((await send()).completion.provider).toBe('one')
  })
})

describe('an outage and its end', () => {
  test('the fallback serves, calls to the primary are few, and it is back within seconds of its return', async () => {
    const { send, primary, fallback, timers, health } = await start({ primary: [refusal(503)] })
    const providers = async (count: number) => {
      const seen = new Set<string | null>()
      for (let sent = 0; sent < count; sent++) seen.add((await send()).completion.provider)
      return [...seen]
    }
    expect(await providers(2)).toEqual(['two'])
    expect(health.open()).toMatchObject([{ provider: 'one', model: 'first' }])
    const before = primary.callCount()
    const { completion } = await send()
    expect(completion.warnings).toMatchObject([{ code: 'TARGET_SKIPPED' }])
    expect(primary.callCount()).toBe(before)
    primary.play(serves('model-of-one'))
    await timers.advance(5_000)
    expect(await providers(3)).toEqual(['one'])
    expect(health.open()).toEqual([])
    expect(fallback.callCount()).toBe(3)
  })

  test('a thousand requests to a provider that is dead make few calls, and each ends so that it may be tried later', async () => {
    const { send, primary, timers } = await start({ primary: [refusal(503)] })
    // As many at once as a worker has by default.
    const ended: Sent[] = []
    const slot = async () => {
      while (ended.length < 1_000) ended.push(await send({ model: 'alone' }))
    }
    await Promise.all(Array.from({ length: 64 }, slot))
    for (const { completion } of ended) {
      expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_UNAVAILABLE', retryable: true } })
      expect(completion.attempts.length).toBeLessThanOrEqual(3)
    }
    // The first of all slots, before anything is known; then a probe each five seconds.
    expect(primary.callCount()).toBeLessThanOrEqual(64 + 4 + timers.now() / 5_000)
  })
})
