import { expect, it } from 'vitest'
import type { CommandResult } from '../../../src/contract/types.ts'
import { createRegistryRecords } from '../../../src/events/registry-records.ts'

const result: CommandResult = {
  commandId: 'c-1',
  command: 'SetLimits',
  status: 'APPLIED',
  entityKind: 'PROVIDER',
  entityId: 'own',
  version: 7,
  error: null,
  occurredAt: 1_900_000_000_000,
}
const encoders = {
  RegistryEvent: () => Buffer.from('event'),
  CommandResult: ({ commandId }: { commandId?: string }) => Buffer.from(`result of ${commandId}`),
}
const records = createRegistryRecords({ encoders, topicPrefix: 'x.', replyTopics: new Set(['answers']) })

it('passes on what a command says of its correlation, and nothing else', () => {
  const headers = { 'correlation-id': 'k', 'reply-topic': 'answers', other: 'x', traceparent: 'broken' }
  expect(records.encodeCommandResult(result, headers)).toEqual({
    topic: 'x.model.command-results',
    key: Buffer.from('c-1'),
    headers: expect.objectContaining({ ce_type: 'model.command.answered', 'correlation-id': 'k' }),
    value: Buffer.from('result of c-1'),
  })
  expect(Object.keys(records.encodeCommandResult(result, headers).headers)).not.toContain('other')
  expect(records.encodeCommandResult(result).headers).not.toHaveProperty('correlation-id')
})

it('gives the refusal of a command under the id of another an event of its own', () => {
  const error = { code: 'COMMAND_ID_REUSED', message: '', retryable: false, provider: null, httpStatus: null }
  const id = (answer: CommandResult) => records.encodeCommandResult(answer).headers['ce_id']
  const rejected = { ...result, status: 'REJECTED' as const }
  expect(id({ ...rejected, error: { ...error, code: 'MODEL_NOT_FOUND' } })).toBe(id(result))
  expect(id({ ...rejected, error })).not.toBe(id(result))
})

it('replies to a topic that is allowed, with the same event', () => {
  const headers = { 'correlation-id': 'k', 'reply-topic': 'answers' }
  expect(records.encodeReply(result, headers)).toEqual({
    ...records.encodeCommandResult(result, headers),
    topic: 'answers',
  })
})

it.each([[{}], [{ 'reply-topic': 'model.requests' }], [{ 'reply-topic': '' }]])('does not reply to %j', (headers) => {
  expect(records.encodeReply(result, headers)).toBeNull()
})
