import { describe, expect, it } from 'vitest'
import { contractType } from '../../../src/codec/contract-type.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { ModelCompletion } from '../../../src/contract/types.ts'
import type { DeliveryJob } from '../../../src/delivery/delivery-job.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { EndedRequest } from '../../../src/delivery/postgres-ended-requests.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { createCompletionRecords } from '../../../src/events/completion-records.ts'
import { createLaterReplies } from '../../../src/events/later-replies.ts'

const encode = recordEncoder('ModelCompletion', 3)
const read = (value: Buffer | null): ModelCompletion => contractType('ModelCompletion').decode(unframe(value).payload)
const kept: EndedRequest = {
  status: 'COMPLETED',
  completionValue: encode({ requestId: 'r', tenant: 't', status: 'COMPLETED', chat: { text: 'hi' } }),
  requestType: 'CHAT',
  model: 'm',
  provider: 'p',
  errorCode: null,
  finishedAt: 1_700_000_000_000,
}

function setUp(ended: EndedRequest | null, decode: (value: Buffer) => ModelCompletion = read) {
  const sent: OutgoingRecord[] = []
  const looked: string[] = []
  const replyTopics = new Set(['model.replies'])
  const replies = createLaterReplies({
    findEnded: async ({ requestId }) => {
      looked.push(requestId)
      return ended
    },
    decode,
    completions: createCompletionRecords({ encode, topicPrefix: '', replyTopics }),
    isReplyTopic: (topic) => replyTopics.has(topic),
    publish: async (records) => {
      sent.push(...records)
      return []
    },
    now: () => 42,
  })
  return { replies, sent, looked }
}

function job(replyTopic: string | undefined = 'model.replies'): DeliveryJob {
  const source = { topic: 'model.requests', partition: 1, offset: 9 }
  const headers = { 'correlation-id': 'c', ...(replyTopic !== undefined && { 'reply-topic': replyTopic }) }
  const record = { ...source, key: Buffer.from('key'), value: Buffer.from('v'), timestamp: 5, headers }
  return { tenant: 't', requestId: 'r', source, record } as unknown as DeliveryJob
}

describe('a request that had ended before', () => {
  it('gets the reply again, with the key and the correlation id of the new record', async () => {
    const { replies, sent } = setUp(kept)
    await replies.repeat(job())
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({ topic: 'model.replies', headers: { 'correlation-id': 'c', ce_subject: 'r' } })
    expect(sent[0]?.key.toString()).toBe('key')
    expect(read(sent[0]?.value ?? null)).toMatchObject({ status: 'COMPLETED', chat: { text: 'hi' }, warnings: [] })
  })

  it.each<[string, Partial<EndedRequest>]>([
    ['is not kept', { completionValue: null }],
    ['cannot be read', { completionValue: Buffer.from('a hash, perhaps') }],
    ['was published otherwise, as it was too large', { status: 'FAILED', errorCode: 'PAYLOAD_TOO_LARGE' }],
  ])('gets how it ended, and where the answer is, when the answer %s', async (_, difference) => {
    const { replies, sent } = setUp({ ...kept, ...difference }, (value) => {
      try {
        return read(value)
      } catch (cause) {
        throw new ModelServiceError('DECODE_FAILED', 'no Avro', { cause })
      }
    })
    await replies.repeat(job())
    expect(read(sent[0]?.value ?? null)).toMatchObject({
      requestId: 'r',
      tenant: 't',
      status: difference.status ?? 'COMPLETED',
      kind: 'CHAT',
      chat: null,
      error: difference.errorCode === undefined ? null : { code: difference.errorCode },
      timings: { finishedAt: kept.finishedAt },
      warnings: [{ code: 'OUTPUT_OMITTED' }],
    })
  })

  it('of which the log knows nothing is told of all the same', async () => {
    const unknown = { completionValue: null, requestType: null, model: null, provider: null, finishedAt: null }
    const { replies, sent } = setUp({ ...kept, ...unknown, status: 'of a newer worker' })
    await replies.repeat(job())
    expect(read(sent[0]?.value ?? null)).toMatchObject({ status: 'UNSPECIFIED', kind: 'UNSPECIFIED' })
  })

  it('is left alone when nobody asked, or for a topic that gets no replies', async () => {
    const { replies, sent, looked } = setUp(kept)
    await replies.repeat(job(''))
    await replies.repeat(job('model.commands'))
    await replies.refuse(job('model.commands'), new ModelServiceError('DUPLICATE_REQUEST_ID', 'used'))
    expect({ sent, looked }).toEqual({ sent: [], looked: [] })
  })

  it('is tried again while the registry is away', async () => {
    const away = new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')
    const { replies, sent } = setUp(kept, () => {
      throw away
    })
    await expect(replies.repeat(job())).rejects.toBe(away)
    expect(sent).toEqual([])
  })
})

it('a request whose id is taken is answered REJECTED, as an event of its own', async () => {
  const { replies, sent } = setUp(kept)
  await replies.refuse(job(), new ModelServiceError('DUPLICATE_REQUEST_ID', 'used before'))
  await replies.repeat(job())
  expect(read(sent[0]?.value ?? null)).toMatchObject({
    status: 'REJECTED',
    error: { code: 'DUPLICATE_REQUEST_ID', retryable: false },
    source: { topic: 'model.requests', partition: 1, offset: 9 },
    timings: { finishedAt: 42 },
  })
  expect(sent[0]?.headers['ce_id']).not.toBe(sent[1]?.headers['ce_id'])
})
