import { describe, expect, it } from 'vitest'
import { ChunkText } from '../../../../src/cli/tail/chunk-text.ts'
import { matches, requireFitting, type TailFilter, type TailTopic } from '../../../../src/cli/tail/tail-filter.ts'
import { completeDraft } from '../../../../src/codec/contract-type.ts'

const completion = completeDraft('ModelCompletion', {
  requestId: 'r',
  tenant: 'acme',
  model: 'm',
  status: 'FAILED',
  kind: 'CHAT',
  error: { code: 'TOKEN_LIMIT', message: '' },
})
const event = completeDraft('PerformanceEvent', {
  kind: 'ATTEMPT',
  requestId: 'r',
  tenant: 'acme',
  model: 'm',
  requestType: 'CHAT',
  status: 'FAILED',
  errorCode: 'TOKEN_LIMIT',
})
const result = completeDraft('CommandResult', {
  commandId: 'c',
  command: 'RegisterModel',
  status: 'REJECTED',
  error: { code: 'MODEL_ALREADY_EXISTS', message: '' },
})

describe('a filter of tail', () => {
  it.each<[string, object, TailFilter]>([
    [
      'a completion',
      completion,
      { tenant: 'acme', requestId: 'r', model: 'm', status: 'FAILED', code: 'TOKEN_LIMIT', type: 'CHAT' },
    ],
    [
      'an event',
      event,
      { tenant: 'acme', requestId: 'r', model: 'm', status: 'FAILED', code: 'TOKEN_LIMIT', type: 'CHAT' },
    ],
    ['a command', result, { status: 'REJECTED', code: 'MODEL_ALREADY_EXISTS', type: 'RegisterModel' }],
  ])('of %s takes each of its values, and no other', (_, record, filter) => {
    expect(matches(record, {})).toBe(true)
    expect(matches(record, filter)).toBe(true)
    for (const name of Object.keys(filter)) expect(matches(record, { ...filter, [name]: 'other' })).toBe(false)
  })

  it.each<[TailTopic, TailFilter, string]>([
    ['registry', { tenant: 'a' }, '--tenant does not go with registry: expected no filter'],
    ['chunks', { model: 'm', code: 'X' }, '--model and --code do not go with chunks: expected --tenant, --request-id'],
    ['command-results', { requestId: 'r' }, '--request-id does not go with command-results'],
  ])('that means nothing for %s is refused', (topic, filter, message) => {
    expect(() => requireFitting(topic, filter)).toThrow(message)
  })

  it('that fits is taken', () => {
    const filter = { tenant: 'a', requestId: 'r', model: 'm', status: 'FAILED', code: 'c', type: 't' }
    requireFitting('completions', filter)
    requireFitting('command-results', { status: 'REJECTED' })
    requireFitting('registry', {})
  })

  it('names a status of its topic', () => {
    expect(() => requireFitting('performance', { status: 'failed' })).toThrow(
      '"failed": expected one of COMPLETED, FAILED',
    )
    expect(() => requireFitting('command-results', { status: 'FAILED' })).toThrow('expected one of APPLIED, UNCHANGED')
  })
})

describe('the text of chunks', () => {
  it('flows, begins anew with another attempt, and leaves out what comes late of an earlier one', () => {
    const text = new ChunkText()
    const chunks = [
      { token: 1, attempt: 1, text: 'Hel' },
      { token: 1, attempt: 1, text: 'lo' },
      { token: 1, attempt: 2, text: 'Good' },
      { token: 1, attempt: 1, text: ' late' },
      { token: 1, attempt: 2, text: null },
      { token: 2, attempt: 1, text: '\u001b[2J' },
    ]
    expect(chunks.map((chunk) => text.add(chunk)).join('')).toBe(
      'Hello\n--- attempt 2 ---\nGood\n--- attempt 1 ---\n\\x1b[2J',
    )
  })
})
