import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { completeDraft } from '../../../src/codec/contract-type.ts'
import { commandDigest, payloadHash } from '../../../src/codec/payload-hash.ts'
import type { ModelRequest, ModelRequestDraft } from '../../../src/contract/types.ts'

interface Vector {
  title: string
  draft: ModelRequestDraft
  hash: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../../fixtures/golden/payload-hash.json', import.meta.url), 'utf8'),
  // Buffers are written as Buffer.toJSON writes them.
  (_, value) => (value?.type === 'Buffer' && Array.isArray(value.data) ? Buffer.from(value.data) : value),
) as Vector[]
const base: ModelRequestDraft = {
  requestId: 'r',
  metadata: { a: '1', b: '2' },
  input: { type: 'ChatInput', messages: [{ content: [{ text: 'hi' }] }] },
}
const hashOf = (draft: ModelRequestDraft): string => payloadHash(completeDraft('ModelRequest', draft))

describe('the payload hash', () => {
  test.each(vectors)('of $title stays what it was', ({ draft, hash }) => {
    expect(hashOf(draft)).toBe(hash)
  })

  test('does not depend on the order of keys, nor on defaults spelt out', () => {
    const input = { ...base.input, tools: [], messages: [{ content: [{ kind: 'TEXT', text: 'hi' }], role: 'USER' }] }
    const same = { input, lane: 'NORMAL', tenant: 'default', metadata: { b: '2', a: '1' }, requestId: 'r' }
    expect(hashOf(same as ModelRequestDraft)).toBe(hashOf(base))
  })

  test('does not change with fields that a later version adds', () => {
    const request = completeDraft('ModelRequest', base)
    expect(payloadHash({ ...request, addedLater: 'x' } as ModelRequest)).toBe(payloadHash(request))
  })

  test.each<[string, Partial<ModelRequestDraft>]>([
    ['the tenant', { tenant: 'other' }],
    ['the lane', { lane: 'BULK' }],
    ['a label', { metadata: { a: '1', b: '3' } }],
    ['a label called __proto__', { metadata: JSON.parse('{"a":"1","b":"2","__proto__":"x"}') }],
    ['the text', { input: { type: 'ChatInput', messages: [{ content: [{ text: 'ho' }] }] } }],
    ['the kind of input', { input: { type: 'CompletionInput', prompt: 'hi' } }],
    [
      'empty media against none',
      { input: { type: 'ChatInput', messages: [{ content: [{ text: 'hi', media: {} }] }] } },
    ],
  ])('changes with %s', (_, change) => {
    expect(hashOf({ ...base, ...change })).not.toBe(hashOf(base))
  })

  test('takes numbers that JSON has not', () => {
    const temperature = (value: number): ModelRequestDraft => ({
      requestId: 'r',
      input: { type: 'ChatInput', messages: [], sampling: { temperature: value } },
    })
    expect(hashOf(temperature(Number.NaN))).not.toBe(hashOf(temperature(Number.POSITIVE_INFINITY)))
  })
})

describe('the command digest', () => {
  test('is about what a command does, not who gives it when', () => {
    const command = completeDraft('ModelCommand', { commandId: 'c', command: { type: 'DeleteModel', id: 'm' } })
    expect(commandDigest({ ...command, commandId: 'd', actor: 'a', issuedAt: 5 })).toBe(commandDigest(command))
    expect(commandDigest({ ...command, command: { ...command.command, id: 'n' } as never })).not.toBe(
      commandDigest(command),
    )
  })
})
