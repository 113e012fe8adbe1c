import { describe, expect, test } from 'vitest'
import type { ModelRequestDraft, RouteCondition } from '../../../src/contract/types.ts'
import { applyParameters, parameterProblem } from '../../../src/routing/apply-parameters.ts'
import { decimalOf, failingCondition } from '../../../src/routing/route-conditions.ts'
import { chatRequest } from '../model-service/fakes.ts'

describe('route conditions', () => {
  const request = chatRequest(
    { tenant: 'acme', taskType: 'sum', metadata: { plan: 'gold', n: '7', empty: '', 'a.b': 'dotted' } },
    'x'.repeat(40),
  )
  const holds = (conditions: RouteCondition[]) => failingCondition(conditions, request) === null
  test.each<[RouteCondition['field'], RouteCondition['operator'], string[], boolean]>([
    ['metadata.plan', 'EQUALS', ['gold'], true],
    ['metadata.plan', 'EQUALS', ['tin'], false],
    ['metadata.plan', 'EQUALS', [], false],
    ['metadata.none', 'EQUALS', [''], false],
    ['metadata.none', 'NOT_EQUALS', ['gold'], true],
    ['metadata.plan', 'NOT_EQUALS', ['gold'], false],
    ['metadata.none', 'EXISTS', [], false],
    ['metadata.plan', 'EXISTS', [], true],
    ['metadata.__proto__', 'EXISTS', [], false],
    ['metadata.constructor', 'EXISTS', [], false],
    ['metadata.a.b', 'EQUALS', ['dotted'], true],
    ['tenant', 'IN', ['x', 'acme'], true],
    ['tenant', 'IN', ['ACME', 'acme '], false],
    ['tenant', 'NOT_IN', ['x', 'acme'], false],
    ['metadata.none', 'NOT_IN', ['x'], true],
    ['taskType', 'EQUALS', ['sum'], true],
    ['requestType', 'EQUALS', ['CHAT'], true],
    ['requestType', 'IN', ['EMBEDDING'], false],
    ['inputTokens', 'LESS_THAN', ['11'], true],
    ['inputTokens', 'LESS_THAN', ['10'], false],
    ['inputTokens', 'GREATER_THAN', ['10'], false],
    ['inputTokens', 'GREATER_THAN', ['9.5'], true],
    ['inputTokens', 'GREATER_THAN', [''], false],
    ['inputTokens', 'LESS_THAN', ['0xff'], false],
    ['inputTokens', 'LESS_THAN', ['Infinity'], false],
    ['inputTokens', 'LESS_THAN', [], false],
    ['metadata.n', 'GREATER_THAN', ['6'], true],
    ['metadata.empty', 'LESS_THAN', ['6'], false],
    ['metadata.plan', 'GREATER_THAN', ['6'], false],
    ['metadata.none', 'LESS_THAN', ['6'], false],
    ['unheard', 'EQUALS', ['1'], false],
    ['unheard', 'UNSPECIFIED', ['1'], false],
    ['tenant', 'LIKE' as 'EQUALS', ['acme'], false],
  ])('%s %s %j is %s', (field, operator, values, expected) => {
    expect(holds([{ field, operator, values }])).toBe(expected)
  })

  test('must all hold, and the first that does not is named; none holds always', () => {
    const yes: RouteCondition = { field: 'tenant', operator: 'EXISTS', values: [] }
    const no: RouteCondition = { field: 'metadata.none', operator: 'EXISTS', values: [] }
    expect(failingCondition([], request)).toBeNull()
    expect(failingCondition([yes, no], request)).toBe(no)
  })

  test.each([
    ['12', 12],
    ['-0.5', -0.5],
    ['1e3', 1_000],
    ['.5', 0.5],
    ['', null],
    [' 1', null],
    ['0x10', null],
    ['1_000', null],
    ['1,5', null],
    ['NaN', null],
    ['1e999', null],
    ['9'.repeat(41), null],
  ])('%j is the number %s', (text, expected) => {
    expect(decimalOf(text)).toBe(expected)
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
