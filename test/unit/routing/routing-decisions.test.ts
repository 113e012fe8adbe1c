import { describe, expect, test } from 'vitest'
import type { ModelRequestDraft, RouteCondition } from '../../../src/contract/types.ts'
import { applyParameters, parameterProblem } from '../../../src/routing/apply-parameters.ts'
import { orderTargets } from '../../../src/routing/order-targets.ts'
import { conditionsHold } from '../../../src/routing/route-conditions.ts'
import { chatRequest } from '../model-service/fakes.ts'

describe('the order of targets', () => {
  const targets = [
    { id: 'a', weight: 1 },
    { id: 'b', weight: 0 },
    { id: 'c', weight: 3 },
  ]
  const ids = (draws: number[], strategy: 'ORDERED' | 'WEIGHTED' = 'WEIGHTED') =>
    orderTargets(strategy, targets, () => draws.shift() ?? 0)
      .map(({ id }) => id)
      .join('')

  test.each([
    ['as written', 'ORDERED' as const, [], 'abc'],
    ['a drawn first', 'WEIGHTED' as const, [0.24], 'acb'],
    ['c drawn first', 'WEIGHTED' as const, [0.25], 'cab'],
    ['c drawn with the highest draw', 'WEIGHTED' as const, [0.999999], 'cab'],
  ])('%s', (_name, strategy, draws, expected) => {
    expect(ids(draws, strategy)).toBe(expected)
  })

  test('follows the weights over many draws', () => {
    let seed = 1
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const firsts = Array.from({ length: 4_000 }, () => orderTargets('WEIGHTED', targets, random)[0]?.id)
    expect(firsts.filter((id) => id === 'c').length / 4_000).toBeCloseTo(0.75, 1)
    expect(firsts).not.toContain('b')
  })
})

describe('route conditions', () => {
  const request = chatRequest({ tenant: 'acme', taskType: 'sum', metadata: { plan: 'gold', n: '7' } }, 'x'.repeat(40))
  test.each<[RouteCondition['field'], RouteCondition['operator'], string[], boolean]>([
    ['metadata.plan', 'EQUALS', ['gold'], true],
    ['metadata.plan', 'EQUALS', ['tin'], false],
    ['metadata.none', 'EQUALS', [''], false],
    ['metadata.none', 'NOT_EQUALS', ['gold'], true],
    ['metadata.none', 'EXISTS', [], false],
    ['metadata.plan', 'EXISTS', [], true],
    ['metadata.__proto__', 'EXISTS', [], false],
    ['tenant', 'IN', ['x', 'acme'], true],
    ['tenant', 'NOT_IN', ['x', 'acme'], false],
    ['taskType', 'EQUALS', ['sum'], true],
    ['requestType', 'EQUALS', ['CHAT'], true],
    ['inputTokens', 'LESS_THAN', ['11'], true],
    ['inputTokens', 'GREATER_THAN', ['10'], false],
    ['metadata.n', 'GREATER_THAN', ['6'], true],
    ['metadata.plan', 'GREATER_THAN', ['6'], false],
    ['unheard', 'EQUALS', ['1'], false],
  ])('%s %s %j is %s', (field, operator, values, expected) => {
    expect(conditionsHold([{ field, operator, values }], request)).toBe(expected)
  })

  test('must all hold; none holds always', () => {
    const yes: RouteCondition = { field: 'tenant', operator: 'EXISTS', values: [] }
    const no: RouteCondition = { field: 'metadata.none', operator: 'EXISTS', values: [] }
    expect([conditionsHold([], request), conditionsHold([yes, no], request)]).toEqual([true, false])
  })
})

describe('default parameters', () => {
  const chat = (sampling: object, providerOptions: Record<string, string> = {}): ModelRequestDraft['input'] => ({
    type: 'ChatInput',
    messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'x' }] }],
    sampling,
    providerOptions,
  })
  const inputOf = (input: ModelRequestDraft['input']) => chatRequest({ input }).input

  test('fill what the request leaves open, and nothing else', () => {
    const filled = applyParameters(inputOf(chat({ temperature: 0.5, stop: [] }, { logprobs: 'true' })), [
      { topP: '0.9', stop: '["."]' },
      { temperature: '1', topP: '0.1', maxOutputTokens: '99', logprobs: 'false', logit_bias: '{}', dimensions: '3' },
    ])
    expect(filled).toMatchObject({
      sampling: { temperature: 0.5, topP: 0.9, stop: ['.'], maxOutputTokens: 99 },
      providerOptions: { logprobs: 'true', logit_bias: '{}' },
    })
    expect(filled).not.toHaveProperty('dimensions')
  })

  test('do not touch the input that they are given', () => {
    const input = inputOf(chat({}))
    const copy = structuredClone(input)
    applyParameters(input, [{ temperature: '1', other: '1' }])
    expect(input).toEqual(copy)
  })

  test('of other request types fill their own fields', () => {
    expect(
      applyParameters(inputOf({ type: 'EmbeddingInput', texts: ['a'] }), [{ dimensions: '256', temperature: '1' }]),
    ).toMatchObject({ dimensions: 256, providerOptions: {} })
    expect(
      applyParameters(inputOf({ type: 'ImageGenerationInput', prompt: 'a', quality: 'low' }), [
        { size: '"auto"', quality: '"high"' },
      ]),
    ).toMatchObject({ size: 'auto', quality: 'low' })
  })

  test.each([
    ['temperature', '0.7', null],
    ['temperature', '"warm"', 'must be a number'],
    ['maxOutputTokens', '1.5', 'must be an integer'],
    ['stop', '"."', 'must be a list of strings'],
    ['size', '3', 'must be a string'],
    ['anything', '{"a":1}', null],
    ['anything', '{a:1}', 'is not a JSON text'],
    ['constructor', '1', null],
  ])('%s = %s: %s', (name, json, problem) => {
    expect(parameterProblem(name, json)).toBe(problem)
  })
})
