import { describe, expect, test } from 'vitest'
import { completeDraft, contractType } from '../../../src/codec/contract-type.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { ModelCompletionDraft, PerformanceEvent } from '../../../src/contract/types.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { createOutcomeRecords } from '../../../src/events/outcome-records.ts'
import type { Outcome } from '../../../src/model-service/ports/outcome.ts'
import { settleRequest } from '../../support/ledger-contract.ts'

const encoders = {
  ModelCompletion: recordEncoder('ModelCompletion', 1),
  PerformanceEvent: recordEncoder('PerformanceEvent', 2),
}
const ofOutcome = createOutcomeRecords({
  encoders,
  topicPrefix: 'p.',
  replyTopics: new Set(['replies.allowed']),
  areBodiesKept: (tenant) => tenant !== 'discreet',
  maxRecordBytes: 4_000,
})

function source(changes: Partial<ReceivedRecord> = {}): ReceivedRecord {
  return {
    topic: 'p.model.requests',
    partition: 2,
    offset: 11,
    key: Buffer.from('order-7'),
    value: Buffer.from('original'),
    headers: {},
    timestamp: 1_700_000_000_000,
    ...changes,
  }
}

function outcome(draft: ModelCompletionDraft = {}, performance: PerformanceEvent[] = []): Outcome {
  const completion = completeDraft('ModelCompletion', {
    requestId: 'r-1',
    tenant: 'acme',
    status: 'COMPLETED',
    kind: 'CHAT',
    timings: { finishedAt: 1_700_000_000_500 },
    ...draft,
  })
  const input = { type: 'CompletionInput' as const, prompt: 'p' }
  return {
    request: completeDraft('ModelRequest', { requestId: 'r-1', tenant: 'acme', input }),
    completion,
    performance,
    log: settleRequest('r-1', 1).log,
  }
}

function event(kind: PerformanceEvent['kind'], attempt: number): PerformanceEvent {
  return completeDraft('PerformanceEvent', {
    kind,
    attempt,
    requestId: 'r-1',
    tenant: 'acme',
    model: 'gpt',
    status: 'COMPLETED',
  })
}

function completionOf(record: OutgoingRecord | undefined) {
  return contractType('ModelCompletion').decode(unframe(record?.value ?? null).payload)
}

describe('the records of an outcome', () => {
  test('the completion under the key of the request, with CloudEvents headers', () => {
    const { records, problem } = ofOutcome(outcome(), source())
    expect(problem).toBeNull()
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({
      topic: 'p.model.completions',
      key: Buffer.from('order-7'),
      headers: {
        ce_specversion: '1.0',
        ce_source: '/model-service',
        ce_type: 'model.request.completed',
        ce_subject: 'r-1',
        ce_time: '2023-11-14T22:13:20.500Z',
        'content-type': 'application/avro',
      },
    })
  })

  test.each([null, Buffer.alloc(0)])('without a key (%j) the request id is the key', (key) => {
    expect(ofOutcome(outcome(), source({ key })).records[0]?.key).toEqual(Buffer.from('r-1'))
  })

  test('the terminal id is the same whatever the status, other events have ids of their own', () => {
    const events = [event('ATTEMPT', 1), event('ATTEMPT', 2), event('REQUEST', 2)]
    const records = [
      ...ofOutcome(outcome({}, events), source()).records,
      ...ofOutcome(outcome({ status: 'FAILED' }), source({ offset: 99 })).records,
    ]
    const ids = records.map(({ headers }) => headers['ce_id'])
    expect(ids[0]).toBe(ids[4])
    expect(new Set(ids).size).toBe(4)
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
  })

  test('performance events go by model', () => {
    const { records } = ofOutcome(outcome({}, [event('ATTEMPT', 1)]), source())
    expect(records[1]).toMatchObject({
      topic: 'p.model.performance',
      key: Buffer.from('gpt'),
      headers: { ce_type: 'model.attempt.measured' },
    })
  })

  test('trace and correlation are passed on, nonsense is not', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const headers = { traceparent, 'correlation-id': 'c', authorization: 'secret' }
    expect(ofOutcome(outcome(), source({ headers })).records[0]?.headers).toMatchObject({
      traceparent,
      'correlation-id': 'c',
    })
    const record = ofOutcome(outcome(), source({ headers: { ...headers, traceparent: 'x' } })).records[0]
    expect(record?.headers).not.toHaveProperty('traceparent')
    expect(record?.headers).not.toHaveProperty('authorization')
  })

  test('a copy goes to an allowed reply topic only', () => {
    const to = (topic: string) =>
      ofOutcome(outcome(), source({ headers: { 'reply-topic': topic, 'correlation-id': 'c' } }))
    expect(to('replies.allowed').records[1]).toMatchObject({
      topic: 'replies.allowed',
      headers: { 'correlation-id': 'c' },
      value: to('replies.allowed').records[0]?.value,
    })
    expect(to('model.commands').records).toHaveLength(1)
  })

  test('a reply larger than its topic may take comes without output, its status true', () => {
    const small = createOutcomeRecords({
      encoders,
      topicPrefix: '',
      replyTopics: new Set(['replies.allowed']),
      areBodiesKept: () => true,
      maxReplyBytes: 2_000,
    })
    const chat = { text: 'x'.repeat(3_000) }
    const { records } = small(outcome({ chat }), source({ headers: { 'reply-topic': 'replies.allowed' } }))
    expect(completionOf(records[0]).chat).toMatchObject(chat)
    expect(completionOf(records[1])).toMatchObject({
      status: 'COMPLETED',
      chat: null,
      warnings: [{ code: 'OUTPUT_OMITTED' }],
    })
  })

  test('a reply on the topic of the contract comes whole, for that takes what the completion topic takes', () => {
    const options = {
      encoders,
      topicPrefix: 'p.',
      replyTopics: new Set(['p.model.replies']),
      areBodiesKept: () => true,
    }
    const small = createOutcomeRecords({ ...options, maxReplyBytes: 2_000 })
    const chat = { text: 'x'.repeat(3_000) }
    const { records } = small(outcome({ chat }), source({ headers: { 'reply-topic': 'p.model.replies' } }))
    expect(records[1]?.topic).toBe('p.model.replies')
    expect(completionOf(records[1]).chat).toMatchObject(chat)
  })

  test('a rejected request is a dead letter too, byte for byte', () => {
    const error = { code: 'INVALID_REQUEST', message: 'No messages.' }
    const { records } = ofOutcome(outcome({ status: 'REJECTED', error }), source({ headers: { mine: 'kept' } }))
    expect(records[1]).toEqual({
      topic: 'p.model.requests.dlt',
      key: Buffer.from('order-7'),
      value: Buffer.from('original'),
      headers: {
        mine: 'kept',
        'dlt-reason': 'INVALID_REQUEST',
        'dlt-message': 'No messages.',
        'dlt-source-topic': 'p.model.requests',
        'dlt-source-partition': '2',
        'dlt-source-offset': '11',
        'dlt-source-timestamp': '1700000000000',
      },
    })
  })
})

describe('an outcome too large for a record', () => {
  const usage = { outputTokens: 5_000 }
  const large = { chat: { text: 'x'.repeat(10_000) }, usage, cost: { amount: '0.5' }, attempts: [{ number: 1 }] }

  test('is published as PAYLOAD_TOO_LARGE with what it cost, and points to the stored body', () => {
    const { records, completionValue, log } = ofOutcome(outcome(large, [event('REQUEST', 1)]), source())
    expect(completionOf(records[0])).toMatchObject({
      status: 'FAILED',
      chat: null,
      error: { code: 'PAYLOAD_TOO_LARGE' },
      usage,
      cost: { amount: '0.5' },
      attempts: [{ number: 1 }],
      storedBody: 'request-log:acme/r-1',
    })
    expect(records[0]?.headers['ce_type']).toBe('model.request.failed')
    expect(completionValue.length).toBeGreaterThan(10_000)
    expect(log).toMatchObject({ status: 'FAILED', errorCode: 'PAYLOAD_TOO_LARGE' })
    const performance = contractType('PerformanceEvent').decode(unframe(records[1]?.value ?? null).payload)
    expect(performance).toMatchObject({ status: 'FAILED', errorCode: 'PAYLOAD_TOO_LARGE' })
  })

  test('loses its answer where the tenant wants nothing to be kept, and says so', () => {
    const { records } = ofOutcome(outcome({ ...large, tenant: 'discreet' }), source())
    expect(completionOf(records[0])).toMatchObject({
      storedBody: null,
      error: {
        code: 'PAYLOAD_TOO_LARGE',
        message: expect.stringContaining('is lost, as the request log keeps no bodies'),
      },
      cost: { amount: '0.5' },
    })
  })

  test('loses its labels where the answer was not what made it large', () => {
    const { records } = ofOutcome(outcome({ ...large, metadata: { label: 'y'.repeat(5_000) } }), source())
    expect(completionOf(records[0])).toMatchObject({ metadata: {}, usage, cost: { amount: '0.5' } })
  })
})

test('what cannot be encoded is published as a failure, for the call was paid', () => {
  const broken = outcome({ usage: { outputTokens: 5 } })
  Object.assign(broken.completion, { chat: { text: 5 } })
  const first = ofOutcome(broken, source())
  expect(first.problem).toMatchObject({ message: expect.stringContaining('chat.text') })
  expect(completionOf(first.records[0])).toMatchObject({
    status: 'FAILED',
    error: { code: 'INTERNAL_ERROR' },
    usage: { outputTokens: 5 },
  })
  Object.assign(broken.completion, { usage: 'many' })
  expect(completionOf(ofOutcome(broken, source()).records[0])).toMatchObject({ status: 'FAILED', requestId: 'r-1' })

  const badEvent = { ...event('REQUEST', 1), durationMs: 1.5 }
  const second = ofOutcome(outcome({}, [badEvent]), source())
  expect(second.problem).not.toBeNull()
  expect(second.records).toHaveLength(1)
})
