import { expect, it } from 'vitest'
import {
  type CallAgainOptions,
  callAgain,
  maxTroublesInRow,
  type Recall,
} from '../../../../../src/cli/replay/rerun/call-again.ts'
import { CostBudget } from '../../../../../src/cli/replay/rerun/cost-budget.ts'
import { completeDraft } from '../../../../../src/codec/contract-type.ts'
import type { ModelCompletion } from '../../../../../src/contract/types.ts'
import { ClaimRefused, type RequestContext } from '../../../../../src/model-service/ports/request-context.ts'

function recall(requestId: string): Recall {
  const place = { tenant: 'acme', requestId, topic: 't', partition: 0, offset: 0, timestamp: 0, isWaiting: false }
  const request = completeDraft('ModelRequest', {
    ...{ tenant: 'acme', requestId },
    input: { type: 'CompletionInput', prompt: requestId },
  })
  const record = { topic: 't', partition: 0, offset: 0, key: null, value: null, headers: {}, timestamp: 0 }
  return { place, record, request }
}

function completed(cost: string): ModelCompletion {
  return completeDraft('ModelCompletion', { status: 'COMPLETED', cost: { amount: cost } })
}

function trouble(): ModelCompletion {
  return completeDraft('ModelCompletion', {
    status: 'FAILED',
    error: { code: 'PROVIDER_UNAVAILABLE', message: 'away', retryable: true },
    cost: { amount: null, unknownReason: 'NO_CALL' },
  })
}

function options(count: number, rest: Partial<CallAgainOptions> = {}): CallAgainOptions & { done: string[] } {
  const done: string[] = []
  const recalls = (async function* () {
    for (let number = 1; number <= count; number += 1) yield recall(`r${number}`)
  })()
  return {
    recalls,
    runId: 'run',
    target: 'new',
    concurrency: 1,
    budget: new CostBudget(null),
    estimate: () => null,
    process: async () => completed('0.1'),
    signal: new AbortController().signal,
    onDone: ({ requestId }) => done.push(requestId),
    ...rest,
    done,
  }
}

it('calls each request once, so many at a time', async () => {
  let running = 0
  let mostRunning = 0
  const called: string[] = []
  const given = options(7, {
    concurrency: 3,
    async process({ place }, request) {
      called.push(place.requestId)
      expect(request.model).toBe('new')
      running += 1
      mostRunning = Math.max(mostRunning, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
      return completed('0.1')
    },
  })
  expect(await callAgain(given)).toEqual({ end: 'done', troubleCount: 0, lastTrouble: null })
  expect(called.sort()).toEqual(['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7'])
  expect(given.done.sort()).toEqual(called)
  expect(mostRunning).toBe(3)
})

it('begins no call that would go beyond the budget', async () => {
  const budget = new CostBudget('0.35')
  const given = options(7, { budget, estimate: () => '0.1' })
  expect(await callAgain(given)).toMatchObject({ end: 'budget' })
  expect(given.done).toEqual(['r1', 'r2', 'r3'])
  expect(budget.spent).toBe('0.3')
})

it('waits for the calls under way when it is stopped, and begins no other', async () => {
  const stopping = new AbortController()
  const answers: (() => void)[] = []
  const given = options(7, {
    concurrency: 2,
    signal: stopping.signal,
    async process(_recall, _request, context) {
      await context.beforeFirstCall?.()
      expect(context.signal?.aborted).toBe(false)
      await new Promise<void>((resolve) => {
        answers.push(resolve)
      })
      expect(context.signal?.aborted).toBe(false)
      return completed('0.1')
    },
  })
  const running = callAgain(given)
  while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve))
  stopping.abort()
  for (const answer of answers) answer()
  expect(await running).toMatchObject({ end: 'stopped' })
  expect(given.done).toEqual(['r1', 'r2'])
})

it('gives up what waits for its turn when it is stopped', async () => {
  const stopping = new AbortController()
  const given = options(3, {
    signal: stopping.signal,
    process: (_recall, _request, context: RequestContext) =>
      new Promise((_, reject) => {
        context.signal?.addEventListener('abort', () => reject(context.signal?.reason))
        stopping.abort()
      }),
  })
  expect(await callAgain(given)).toMatchObject({ end: 'stopped' })
  expect(given.done).toEqual([])
})

it('may not begin a call after it was stopped', async () => {
  const stopping = new AbortController()
  const given = options(3, {
    signal: stopping.signal,
    async process(_recall, _request, context) {
      stopping.abort()
      await expect(context.beforeFirstCall?.()).rejects.toBeInstanceOf(ClaimRefused)
      throw new ClaimRefused('stopped')
    },
  })
  expect(await callAgain(given)).toMatchObject({ end: 'stopped' })
})

it('leaves out troubles that may pass, and says which was the last', async () => {
  const given = options(3, { process: async ({ place }) => (place.requestId === 'r2' ? trouble() : completed('1')) })
  expect(await callAgain(given)).toEqual({
    end: 'done',
    troubleCount: 1,
    lastTrouble: 'PROVIDER_UNAVAILABLE: away',
  })
  expect(given.done).toEqual(['r1', 'r3'])
})

it('ends after troubles in a row', async () => {
  let calls = 0
  const given = options(100, {
    async process() {
      calls += 1
      // One answer in between begins the count anew.
      return calls === 5 ? completed('1') : trouble()
    },
  })
  expect(await callAgain(given)).toMatchObject({ end: 'troubles', troubleCount: 4 + maxTroublesInRow })
  expect(calls).toBe(5 + maxTroublesInRow)
})

it('rejects with the first error, once nothing runs any more', async () => {
  let ended = 0
  const given = options(9, {
    concurrency: 3,
    async process({ place }) {
      if (place.requestId === 'r2') throw new Error('the shadow topic is away')
      await new Promise((resolve) => setImmediate(resolve))
      ended += 1
      return completed('1')
    },
  })
  await expect(callAgain(given)).rejects.toThrow('the shadow topic is away')
  expect(ended).toBe(2)
})
