/** Failures that may pass: tried again through the retry topics, never early, each call accounted for, one end. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const delaysMs = [1_500, 3_000]
const service = withService({
  env: {
    RETRY_DELAYS_MS: delaysMs.join(','),
    LEASE_MS: '3000',
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    // One call a try, so that tries can be counted by calls.
    TARGET_RETRIES_COUNT: '0',
    BREAKER_FAILURES_COUNT: '0',
  },
})

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({})
})

/** A request for a behaviour of the double, which finds its calls again by the id. */
function request(providerModel: string, rest: Partial<ModelRequestDraft> = {}) {
  const requestId = randomUUID()
  const input = { type: 'ChatInput' as const, messages: [{ content: [{ text: `[id:${requestId}]` }] }] }
  return service.chat(providerModel, { requestId, provider: 'double', input, ...rest })
}

const callsOf = (requestId: string) => service.double.ledger.list().filter(({ mark }) => mark === requestId)

async function terminalRecords(requestId: string) {
  return (await service.readRecords('completions')).filter(({ record }) => record.requestId === requestId)
}

describe('a request whose failure passes', () => {
  it('is tried after each delay, not before, with its bytes, key and headers', async () => {
    const flaky = request(`double-fail-2-${randomUUID()}`)
    await service.send(flaky, 'my-key', { mine: 'kept', 'correlation-id': 'c1' })
    const [completion] = await service.completions([flaky.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', error: null })
    expect(completion?.attempts.map(({ outcome, number }) => [outcome, number])).toEqual([
      ['FAILED', 1],
      ['FAILED', 2],
      ['SUCCEEDED', 3],
    ])
    const calls = callsOf(flaky.requestId)
    expect(new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3)
    for (const [index, delayMs] of delaysMs.entries()) {
      const [before, after] = [calls[index]?.finishedAt ?? Number.NaN, calls[index + 1]?.startedAt ?? Number.NaN]
      expect(after - before).toBeGreaterThanOrEqual(delayMs)
    }
    const source = (await service.readAll('requests')).find(({ headers }) => headers['mine'] === 'kept')
    const { topic, partition, offset, value } = source ?? {}
    expect(completion?.source).toEqual({ topic, partition, offset })
    for (const [index, role] of (['retry10s', 'retry1m'] as const).entries()) {
      const [record] = await service.readAll(role)
      expect(record?.value).toEqual(value)
      expect(String(record?.key)).toBe('my-key')
      expect(record?.headers).toMatchObject({ mine: 'kept', 'retry-count': String(index + 1) })
    }
    const [terminal, ...others] = await terminalRecords(flaky.requestId)
    expect(others).toEqual([])
    expect(String(terminal?.key)).toBe('my-key')
    expect(terminal?.headers).toMatchObject({ 'correlation-id': 'c1' })
    await service.offsetsAtEnd('retry10s', `${service.env['KAFKA_GROUP_ID']}.retry`)
    await service.offsetsAtEnd('requests')
  })

  it('does not hold up the records behind it', async () => {
    const flaky = request(`double-fail-1-${randomUUID()}`)
    const others = Array.from({ length: 5 }, () => request('double-chat'))
    await service.send(flaky, 'same')
    for (const each of others) await service.send(each, 'same')
    await service.completions(others.map(({ requestId }) => requestId))
    await service.completions([flaky.requestId])
    const order = (await service.readRecords('completions')).map(({ record }) => record.requestId)
    for (const { requestId } of others) expect(order.indexOf(requestId)).toBeLessThan(order.indexOf(flaky.requestId))
  })
})

describe('a request that keeps failing', () => {
  it('fails for good after the last delay, with all its attempts', async () => {
    const failing = request('double-status-503')
    await service.send(failing)
    const [completion] = await service.completions([failing.requestId])
    expect(completion?.status).toBe('FAILED')
    expect(completion?.attempts.map(({ number }) => number)).toEqual([1, 2, 3])
    expect(callsOf(failing.requestId)).toHaveLength(3)
  })

  it('fails at once where the next try would come after its deadline, or no try can help', async () => {
    const late = request('double-status-503', { deadline: Date.now() + 1_400 })
    const hopeless = request('double-status-400')
    await service.send(late)
    await service.send(hopeless)
    const ended = await service.completions([late.requestId, hopeless.requestId])
    expect(ended.map(({ status }) => status)).toEqual(['FAILED', 'FAILED'])
    expect(callsOf(late.requestId).length + callsOf(hopeless.requestId).length).toBe(2)
  })
})

describe('a worker that dies while retries wait', () => {
  it('leaves them to the next: none early, none twice, none lost', async () => {
    const waiting = Array.from({ length: 10 }, () => request(`double-fail-1-${randomUUID()}`))
    for (const each of waiting) await service.send(each)
    await until(() => waiting.every(({ requestId }) => callsOf(requestId).length === 1), 'the first calls')
    await service.offsetsAtEnd('requests')
    await service.workers[0]?.stop('SIGKILL')
    await service.startWorker()
    const ended = await service.completions(waiting.map(({ requestId }) => requestId))
    expect(ended.map(({ status }) => status)).toEqual(waiting.map(() => 'COMPLETED'))
    for (const { requestId } of waiting) {
      const [first, second, ...others] = callsOf(requestId)
      expect(others).toEqual([])
      expect((second?.startedAt ?? 0) - (first?.finishedAt ?? 0)).toBeGreaterThanOrEqual(delaysMs[0] ?? 0)
      expect(await terminalRecords(requestId)).toHaveLength(1)
    }
  })
})
