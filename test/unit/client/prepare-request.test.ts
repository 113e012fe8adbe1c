import { describe, expect, it } from 'vitest'
import type { RequestDraft } from '../../../src/client/client-options.ts'
import { prepareRequest } from '../../../src/client/prepare-request.ts'

const input = { type: 'ChatInput' as const, messages: [{ role: 'USER' as const, content: [{ text: 'Hello' }] }] }
const prepare = (draft: object) => prepareRequest(draft as RequestDraft, { tenant: 'acme' })

describe('a request that is prepared', () => {
  it('has an id of its own, the tenant of the client and all defaults', () => {
    const request = prepare({ input, model: 'm' })
    expect(request).toMatchObject({ tenant: 'acme', model: 'm', lane: 'NORMAL', stream: false, onUncertain: 'RETRY' })
    expect(request.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(prepare({ input }).requestId).not.toBe(request.requestId)
  })

  it('keeps what the caller says, and takes undefined for nothing said', () => {
    const request = prepare({ input, requestId: 'mine', tenant: 'other', model: undefined, lane: undefined })
    expect(request).toMatchObject({ requestId: 'mine', tenant: 'other', model: null, lane: 'NORMAL' })
  })

  it.each<[string, object, string]>([
    ['an unknown field', { input, modle: 'm' }, 'modle: unknown field'],
    ['a field of the wrong type', { input, deadline: 'soon' }, 'deadline: expected'],
    ['no input', {}, 'input: missing'],
    ['an input of no type', { input: { type: 'Nothing' } }, 'input'],
    ['an id with a space', { input, requestId: 'a b' }, 'requestId must be 1 to 128 visible ASCII characters'],
    ['an empty tenant', { input, tenant: '' }, 'tenant must be'],
    ['no message', { input: { ...input, messages: [] } }, 'input.messages must hold at least one message'],
    [
      'a message without a role',
      { input: { ...input, messages: [{ role: 'KING', content: [] }] } },
      'input.messages.0.role: expected one of',
    ],
    [
      'a temperature out of range',
      { input: { ...input, sampling: { temperature: 9 } } },
      'input.sampling.temperature must be from 0 to 2',
    ],
  ])('is refused with the path of what is wrong: %s', (_, draft, message) => {
    expect(() => prepare(draft)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', message: expect.stringContaining(message) }),
    )
  })

  it('never shows a value in its refusal', () => {
    const secret = { ...input, messages: [{ role: 'USER', content: 'my secret prompt' }] }
    expect(() => prepare({ input: secret })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })
})
