import { describe, expect, test } from 'vitest'
import type { Limits } from '../../../src/contract/types.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { MemoryCallLimits, type MemoryCallLimitsOptions } from '../../../src/limits/memory-call-limits.ts'
import type { CallPermit, LimitedCall } from '../../../src/model-service/ports/call-limits.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'

const none: Limits = { maxConcurrentCalls: null, requestsPerMinute: null, tokensPerMinute: null }

function setUp(options: Partial<MemoryCallLimitsOptions> = {}) {
  const timers = new ManualTimers()
  const limits = new MemoryCallLimits({ timers, ...options })
  const letIn: string[] = []
  const permits: CallPermit[] = []
  const wait = (name: string, calls: LimitedCall[], who: { tenant?: string; signal?: AbortSignal } = {}) => {
    const signal = who.signal ?? new AbortController().signal
    return limits.waitForTurn(calls, { lane: 'NORMAL', tenant: who.tenant ?? 'acme', signal }).then((turn) => {
      letIn.push(turn === null ? `${name} gave up` : name)
      if (turn !== null) permits.push(turn.permit)
      return turn
    })
  }
  return { timers, limits, letIn, permits, wait }
}

function call(limits: Partial<Limits> | null, rest: Partial<LimitedCall> = {}): LimitedCall {
  return {
    provider: 'p',
    key: 'k',
    model: 'm',
    limits: limits === null ? null : { ...none, ...limits },
    tokens: 0,
    ...rest,
  }
}

describe('a call', () => {
  test('without limits is always let in', () => {
    const { limits } = setUp()
    for (let i = 0; i < 1_000; i += 1) expect(limits.tryTurn([call(null)])).not.toBeNull()
  })

  test('is bounded by the calls at once, for each key of its own', () => {
    const { limits } = setUp()
    const one = call({ maxConcurrentCalls: 2 })
    const [first] = [limits.tryTurn([one]), limits.tryTurn([one])]
    expect(limits.waitMs(one)).toBe(Number.POSITIVE_INFINITY)
    expect(limits.tryTurn([one])).toBeNull()
    expect(limits.tryTurn([one, call({ maxConcurrentCalls: 2 }, { key: 'other' })])?.index).toBe(1)
    first?.permit.end(null)
    first?.permit.end(null)
    expect(limits.tryTurn([one])).not.toBeNull()
    expect(limits.tryTurn([one])).toBeNull()
  })

  test('is bounded by the requests of a minute, even by those that are over', async () => {
    const { limits, timers } = setUp()
    const one = call({ requestsPerMinute: 2 })
    for (let i = 0; i < 2; i += 1) limits.tryTurn([one])?.permit.end(null)
    expect(limits.waitMs(one)).toBe(61_000)
    await timers.advance(61_000)
    expect(limits.tryTurn([one])).not.toBeNull()
  })

  test('that was never made does not count', () => {
    const { limits } = setUp()
    const one = call({ requestsPerMinute: 1, tokensPerMinute: 10, maxConcurrentCalls: 1 }, { tokens: 10 })
    limits.tryTurn([one])?.permit.giveBack()
    expect(limits.tryTurn([one])).not.toBeNull()
  })

  test('is bounded by the tokens of a minute: as estimated before, as used after', () => {
    const { limits } = setUp()
    const one = call({ tokensPerMinute: 100 }, { tokens: 60 })
    const first = limits.tryTurn([one])
    expect(limits.tryTurn([one])).toBeNull()
    first?.permit.end(20)
    const second = limits.tryTurn([one])
    expect(second).not.toBeNull()
    second?.permit.end(null)
    expect(limits.waitMs({ ...one, tokens: 20 })).toBe(0)
    expect(limits.waitMs({ ...one, tokens: 21 })).toBeGreaterThan(0)
  })

  test('is held back by what the provider told, and counts against it', () => {
    const { limits } = setUp()
    const permit = limits.begin(call(null))
    permit.learn({ requests: { limit: 60, remaining: 2, resetMs: 58_000 }, tokens: null })
    expect(limits.tryTurn([call(null)])).not.toBeNull()
    expect(limits.tryTurn([call(null)])).not.toBeNull()
    expect(limits.waitMs(call(null))).toBeGreaterThan(0)
    permit.learn({ requests: { limit: 60, remaining: 60, resetMs: 0 }, tokens: null })
    expect(limits.waitMs(call(null))).toBe(0)
  })

  test('of another model is not held back by it, nor by who waits for it', async () => {
    const { limits, letIn, wait, timers } = setUp()
    const exhausted = call(null)
    const other = call(null, { model: 'other' })
    limits.begin(exhausted).learn({ requests: { limit: 1, remaining: 0, resetMs: 20_000 }, tokens: null })
    wait('a', [exhausted])
    expect(limits.tryTurn([other])).not.toBeNull()
    wait('b', [other])
    await settle()
    expect(letIn).toEqual(['b'])
    await timers.advance(20_000)
    expect(letIn).toEqual(['b', 'a'])
  })

  test('is held back by the newest word only', async () => {
    const { limits, letIn, wait } = setUp()
    const permit = limits.begin(call(null))
    permit.learn({ requests: { limit: 1, remaining: 0, resetMs: 20_000 }, tokens: null })
    wait('a', [call(null)])
    permit.learn({ requests: null, tokens: { limit: 10, remaining: 10, resetMs: 0 } })
    await settle()
    expect(letIn).toEqual([])
    permit.learn({ requests: { limit: 1, remaining: 1, resetMs: 0 }, tokens: null })
    await settle()
    expect(letIn).toEqual(['a'])
  })

  test('is known for as many models as are called, and what was told of them is kept for a minute', () => {
    const { limits } = setUp()
    const told = limits.begin(call(null))
    for (let i = 0; i < 900; i += 1) limits.tryTurn([call(null, { model: `m${i}` })])
    told.learn({ requests: { limit: 1, remaining: 0, resetMs: 60_000 }, tokens: null })
    for (let i = 0; i < 900; i += 1) limits.tryTurn([call(null, { model: `n${i}` })])
    expect(limits.waitMs(call(null))).toBeGreaterThan(0)
  })

  test('has a share of the limits among the workers, of a small one by turns', async () => {
    const { limits, timers, letIn, wait } = setUp()
    const one = call({ requestsPerMinute: 5, maxConcurrentCalls: 1 })
    limits.setPlace({ count: 2, rank: 0, turn: 0 })
    expect(limits.tryTurn([one])).not.toBeNull()
    expect(limits.status()).toEqual([
      {
        provider: 'p',
        waitingCount: 0,
        inFlightCount: 1,
        limits: { maxConcurrentCalls: 1, requestsPerMinute: 3, tokensPerMinute: null },
      },
    ])
    limits.setPlace({ count: 2, rank: 0, turn: 1 })
    expect(limits.status()[0]?.limits).toMatchObject({ maxConcurrentCalls: 0, requestsPerMinute: 3 })
    const other = call({ maxConcurrentCalls: 1 }, { key: 'other' })
    expect(limits.waitMs(other)).toBe(Number.POSITIVE_INFINITY)
    wait('a', [other])
    await timers.advance(120_000)
    expect(letIn).toEqual([])
    limits.setPlace({ count: 2, rank: 0, turn: 2 })
    await settle()
    expect(letIn).toEqual(['a'])
  })

  test.each(['requestsPerMinute', 'tokensPerMinute'])('waits for its turn where there is no share: %s', (name) => {
    const { limits } = setUp()
    limits.setPlace({ count: 3, rank: 1, turn: 0 })
    expect(limits.waitMs(call({ [name]: 1 }, { tokens: 1 }))).toBe(Number.POSITIVE_INFINITY)
    limits.setPlace({ count: 3, rank: 1, turn: 2 })
    expect(limits.waitMs(call({ [name]: 1 }, { tokens: 1 }))).toBe(0)
  })
})

describe('after a refusal', () => {
  const one = call(null)

  test('nobody is let in until its wait is over, then half as many as there were', async () => {
    const { limits, timers, letIn, permits, wait } = setUp({ random: () => 0.5 })
    const begun = Array.from({ length: 4 }, () => limits.begin(one))
    await timers.advance(100)
    for (const permit of begun) {
      permit.refused(null)
      permit.end(0)
    }
    for (const name of ['a', 'b', 'c', 'd']) wait(name, [one])
    await timers.advance(749)
    expect(letIn).toEqual([])
    await timers.advance(1)
    expect(letIn).toEqual(['a', 'b'])
    permits[0]?.end(null)
    await settle()
    expect(letIn).toEqual(['a', 'b', 'c', 'd'])
  })

  test('other models and other keys are let in', () => {
    const { limits } = setUp()
    limits.begin(one).refused(5_000)
    expect(limits.waitMs(one)).toBeGreaterThanOrEqual(5_000)
    expect([limits.waitMs({ ...one, model: 'other' }), limits.waitMs({ ...one, key: 'other' })]).toEqual([0, 0])
  })

  test('a retry waits as well, but is not held up by those who have not had their turn', async () => {
    const { limits, timers, letIn, wait } = setUp({ random: () => 0 })
    const limited = call({ tokensPerMinute: 100 }, { tokens: 10 })
    const permit = limits.begin(limited)
    await timers.advance(10)
    permit.refused(2_000)
    permit.end(60)
    wait('large', [{ ...limited, tokens: 90 }])
    expect(limits.waitMs(limited, { isRetry: true })).toBe(2_000)
    await timers.advance(2_000)
    expect(letIn).toEqual([])
    expect(limits.waitMs(limited, { isRetry: true })).toBe(0)
    expect(limits.waitMs(limited)).toBeGreaterThan(0)
  })

  test('a call that was never made changes nothing, nor one that had ended', () => {
    const { limits } = setUp()
    const permit = limits.begin(one)
    permit.giveBack()
    permit.refused(5_000)
    expect(limits.waitMs(one)).toBe(0)
  })

  test('what is known of it is kept, however many models are called meanwhile', () => {
    const { limits } = setUp()
    const refused = limits.begin(one)
    refused.refused(60_000)
    refused.end(0)
    for (let i = 0; i < 1_200; i += 1) limits.tryTurn([call(null, { model: `m${i}` })])?.permit.end(null)
    expect(limits.waitMs(one)).toBeGreaterThan(0)
  })
})

test('limits are those of the newest plan, not of a run under way', () => {
  const { limits } = setUp()
  const old = call({ maxConcurrentCalls: 1 })
  limits.tryTurn([old])
  limits.tryTurn([call({ maxConcurrentCalls: 3 })])
  expect(limits.waitMs(old)).toBe(0)
})

describe('who waits', () => {
  const one = call({ maxConcurrentCalls: 1 })

  test('is let in when a call ends, tenants in turns', async () => {
    const { limits, letIn, permits, wait } = setUp()
    const begun = limits.begin(one)
    for (const name of ['a1', 'a2', 'a3', 'b1']) wait(name, [one], { tenant: name.slice(0, 1) })
    expect(limits.status()[0]?.waitingCount).toBe(4)
    begun.end(null)
    for (let i = 0; i < 4; i += 1) {
      await settle()
      permits.at(-1)?.end(null)
    }
    expect(letIn).toEqual(['a1', 'a2', 'b1', 'a3'])
    expect(limits.status()[0]).toMatchObject({ waitingCount: 0, inFlightCount: 0 })
  })

  test('is let in by the clock', async () => {
    const { limits, timers, letIn, wait } = setUp()
    const slow = call({ requestsPerMinute: 1 })
    limits.begin(slow).end(null)
    wait('a', [slow])
    wait('b', [slow])
    await timers.advance(60_999)
    expect(letIn).toEqual([])
    await timers.advance(1)
    expect(letIn).toEqual(['a'])
    await timers.advance(61_000)
    expect(letIn).toEqual(['a', 'b'])
  })

  test('comes before whoever asks later', async () => {
    const { limits, timers, letIn, wait } = setUp()
    const big = call({ tokensPerMinute: 100 }, { tokens: 90 })
    limits.begin(call({ tokensPerMinute: 100 }, { tokens: 50 })).end(null)
    wait('big', [big])
    // It would fit, but would keep the large one out for ever.
    expect(limits.tryTurn([{ ...big, tokens: 10 }])).toBeNull()
    wait('small', [{ ...big, tokens: 10 }])
    await timers.advance(61_000)
    expect(letIn).toEqual(['big', 'small'])
  })

  test('is not overtaken in the line of another model while the key keeps it out', async () => {
    const { limits, timers, letIn, wait } = setUp()
    const big = call({ tokensPerMinute: 100 }, { tokens: 90 })
    const small = call({ tokensPerMinute: 100 }, { tokens: 10, model: 'other' })
    limits.begin({ ...big, tokens: 50 }).end(null)
    wait('big', [big])
    expect(limits.tryTurn([small])).toBeNull()
    wait('small', [small])
    await settle()
    expect(letIn).toEqual([])
    await timers.advance(61_000)
    expect(letIn).toEqual(['big', 'small'])
  })

  test('takes turns with those of other models', async () => {
    const { limits, letIn, permits, wait } = setUp()
    const begun = limits.begin(one)
    for (const name of ['a1', 'a2', 'b1', 'b2']) wait(name, [{ ...one, model: name.slice(0, 1) }])
    begun.end(null)
    for (let i = 0; i < 4; i += 1) {
      await settle()
      permits.at(-1)?.end(null)
    }
    expect(letIn).toEqual(['a1', 'b1', 'a2', 'b2'])
  })

  test('takes whichever key is free first, and one place only', async () => {
    const { limits, letIn, wait } = setUp()
    const other = call({ maxConcurrentCalls: 1 }, { key: 'other' })
    const [begun, alsoBegun] = [limits.begin(one), limits.begin(other)]
    const turn = wait('a', [one, other])
    alsoBegun.end(null)
    expect((await turn)?.index).toBe(1)
    begun.end(null)
    await settle()
    expect(letIn).toEqual(['a'])
    expect(limits.tryTurn([one])).not.toBeNull()
  })

  test('gives up by its signal and holds nobody up', async () => {
    const refused: string[] = []
    const { limits, letIn, wait } = setUp({ onRefused: (provider) => refused.push(provider) })
    const begun = limits.begin(one)
    const controllers = [new AbortController(), new AbortController()]
    for (const [index, { signal }] of controllers.entries()) wait(`a${index}`, [one], { signal })
    wait('b', [one])
    controllers[0]?.abort(new ModelServiceError('RATE_LIMITED', 'x'))
    controllers[1]?.abort()
    await settle()
    expect(letIn).toEqual(['a0 gave up', 'a1 gave up'])
    expect(limits.status()[0]?.waitingCount).toBe(1)
    begun.end(null)
    await settle()
    expect(letIn.at(-1)).toBe('b')
    expect(refused).toEqual(['p'])
    expect(await limits.waitForTurn([one], { lane: 'NORMAL', tenant: 'x', signal: AbortSignal.abort() })).toBeNull()
  })

  test('hears of other limits at once', async () => {
    const { limits, letIn, wait } = setUp()
    limits.begin(one)
    wait('a', [one])
    limits.update('other', null)
    await settle()
    expect(letIn).toEqual([])
    limits.update('p', { ...none, maxConcurrentCalls: 2 })
    await settle()
    expect(letIn).toEqual(['a'])
  })

  test('hears of fewer workers at once', async () => {
    const { limits, letIn, wait } = setUp()
    limits.setPlace({ count: 2, rank: 0, turn: 0 })
    const two = call({ maxConcurrentCalls: 2 })
    limits.begin(two)
    wait('a', [two])
    await settle()
    expect(letIn).toEqual([])
    limits.setPlace({ count: 1, rank: 0, turn: 0 })
    await settle()
    expect(letIn).toEqual(['a'])
  })

  test('leaves no timer behind', async () => {
    const { limits, timers, wait } = setUp()
    const slow = call({ requestsPerMinute: 1 })
    limits.begin(slow).end(null)
    const controller = new AbortController()
    wait('a', [slow], { signal: controller.signal })
    expect(timers.pendingCount).toBe(1)
    controller.abort()
    expect(timers.pendingCount).toBe(0)
  })
})
