import { describe, expect, it } from 'vitest'
import { isPassingTrouble, rerunId, rerunRequest } from '../../../../../src/cli/replay/rerun/rerun-request.ts'
import { completeDraft } from '../../../../../src/codec/contract-type.ts'
import type { ModelCompletionDraft } from '../../../../../src/contract/types.ts'

const key = { tenant: 'acme', requestId: 'one' }

describe('rerunId', () => {
  it('is a UUID of version 5, and the same each time', () => {
    expect(rerunId('run', key)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(rerunId('run', key)).toBe(rerunId('run', { ...key }))
  })

  it('differs by run, tenant and request, wherever one name ends and the next begins', () => {
    const ids = [
      rerunId('run', key),
      rerunId('run2', key),
      rerunId('run', { ...key, tenant: 'acm' }),
      rerunId('run', { ...key, requestId: 'two' }),
      rerunId('runa', { tenant: 'cme', requestId: 'one' }),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('rerunRequest', () => {
  const original = completeDraft('ModelRequest', {
    ...key,
    model: 'old',
    provider: 'openai',
    deadline: 1,
    stream: true,
    lane: 'BULK',
    metadata: { team: 'blue' },
    taskType: 'summary',
    input: { type: 'CompletionInput', prompt: 'hello' },
  })

  it('asks the target the same, without what belonged to the first time', () => {
    const request = rerunRequest(original, { runId: 'run', tenant: 'bound', target: 'new' })
    expect(request).toEqual({
      ...original,
      tenant: 'bound',
      requestId: rerunId('run', { tenant: 'bound', requestId: 'one' }),
      model: 'new',
      provider: null,
      deadline: null,
      stream: false,
    })
  })
})

describe('isPassingTrouble', () => {
  const error = { code: 'PROVIDER_UNAVAILABLE', message: 'away', retryable: true }
  const noCall = { amount: null, unknownReason: 'NO_CALL' }
  const attempt = { provider: 'p', model: 'm', outcome: 'FAILED' } as const

  it.each<[string, Partial<ModelCompletionDraft>, boolean]>([
    ['an answer', { status: 'COMPLETED', cost: noCall }, false],
    ['a failure that may pass, before any call', { status: 'FAILED', error, cost: noCall }, true],
    [
      'one after a call that cost nothing',
      { status: 'FAILED', error, cost: { amount: '0' }, attempts: [attempt] },
      true,
    ],
    ['one that was paid', { status: 'FAILED', error, cost: { amount: '0.000000000001' }, attempts: [attempt] }, false],
    ['one that will not pass', { status: 'FAILED', error: { ...error, retryable: false }, cost: noCall }, false],
    [
      'one whose call nobody knows the fate of',
      { status: 'FAILED', error, cost: { amount: '0' }, attempts: [{ ...attempt, outcome: 'UNKNOWN' }] },
      false,
    ],
    [
      'one whose cost is unknown',
      { status: 'FAILED', error, cost: { amount: null, unknownReason: 'PRICE_UNKNOWN' } },
      false,
    ],
    ['a rejection', { status: 'REJECTED', error, cost: noCall }, false],
  ])('%s: %s', (_, draft, expected) => {
    expect(isPassingTrouble(completeDraft('ModelCompletion', draft as ModelCompletionDraft))).toBe(expected)
  })
})
