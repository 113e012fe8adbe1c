import { describe, expect, it } from 'vitest'
import { parsePlace } from '../../../../src/cli/place.ts'
import { type Decode, recordOwner, type SearchedTopic } from '../../../../src/cli/requests/recognise-record.ts'
import type { ReceivedRecord } from '../../../../src/delivery/received-record.ts'
import { ModelServiceError } from '../../../../src/errors/model-service-error.ts'
import { eventId } from '../../../../src/events/cloud-events.ts'

const key = { tenant: 'acme', requestId: 'r-1' }

/** Values are the ids that they decode to, as `tenant/id`; anything else cannot be decoded. */
const decode = (async (_name: string, value: Buffer | null) => {
  const [tenant, requestId] = String(value).split('/')
  if (requestId === undefined) throw new ModelServiceError('DECODE_FAILED', 'no record')
  return { tenant, requestId }
}) as unknown as Decode

async function isFound(
  role: SearchedTopic['role'],
  record: Partial<ReceivedRecord>,
  { sources = [], tenant = null }: { sources?: string[]; tenant?: string | null } = {},
): Promise<boolean> {
  const full = { topic: 't', partition: 1, offset: 7, key: null, value: null, headers: {}, timestamp: 0, ...record }
  const places = sources.flatMap((text) => parsePlace(text) ?? [])
  const owner = await recordOwner([{ ...key, sources: places }], decode)(full, { name: 't', role, tenant })
  return owner === 0
}

const value = (text: string) => Buffer.from(text)

async function isCommandFound(body: object): Promise<boolean> {
  const record = { topic: 't', partition: 0, offset: 0, key: null, value: value('x'), headers: {}, timestamp: 0 }
  const decodeCommand = (async () => ({ command: body })) as unknown as Decode
  const ownerOf = recordOwner([{ ...key, sources: [] }], decodeCommand)
  return (await ownerOf(record, { name: 't', role: 'commands', tenant: null })) === 0
}

describe('a record of the request', () => {
  it('on a request topic is known by its ids, under the tenant of a bound topic', async () => {
    expect(await isFound('requests', { value: value('acme/r-1') })).toBe(true)
    expect(await isFound('requests', { value: value('beta/r-1') })).toBe(false)
    expect(await isFound('requests', { value: value('beta/r-1') }, { tenant: 'acme' })).toBe(true)
    expect(await isFound('requests', { value: value('acme/r-1') }, { tenant: 'beta' })).toBe(false)
  })

  it('that cannot be decoded is known by its place alone', async () => {
    expect(await isFound('requests', { value: value('garbage') })).toBe(false)
    expect(await isFound('requests', { value: value('garbage') }, { sources: ['t/1/7'] })).toBe(true)
  })

  it('among completions and replies is known by the deterministic id', async () => {
    const headers = { ce_id: eventId('acme', 'r-1', 'ModelCompletion', 0) }
    for (const role of ['completions', 'replies'] as const) {
      expect(await isFound(role, { headers })).toBe(true)
      expect(await isFound(role, { headers: { ce_id: eventId('beta', 'r-1', 'ModelCompletion', 0) } })).toBe(false)
      expect(await isFound(role, {})).toBe(false)
    }
  })

  it('among retries is known by the id of its retry, whichever it is', async () => {
    const retry = (count: string, of: number) => ({
      headers: { 'retry-count': count, 'retry-id': eventId('acme', 'r-1', 'Retry', of) },
    })
    expect(await isFound('retry', retry('3', 3))).toBe(true)
    expect(await isFound('retry', retry('2', 3))).toBe(false)
    expect(await isFound('retry', retry('many', 1))).toBe(false)
  })

  it.each(['performance', 'chunks'] as const)('among %s is known by subject and tenant', async (role) => {
    expect(await isFound(role, { headers: { ce_subject: 'r-1' }, value: value('acme/r-1') })).toBe(true)
    expect(await isFound(role, { headers: { ce_subject: 'r-1' }, value: value('beta/r-1') })).toBe(false)
    expect(await isFound(role, { headers: { ce_subject: 'r-1' }, value: value('garbage') })).toBe(false)
    expect(await isFound(role, { headers: { ce_subject: 'r-2' }, value: value('acme/r-1') })).toBe(false)
  })

  it('among dead letters is known by the place of its source, or by its ids', async () => {
    const headers = { 'dlt-source-topic': 'req', 'dlt-source-partition': '0', 'dlt-source-offset': '5' }
    expect(await isFound('deadLetters', { headers, value: value('garbage') }, { sources: ['req/0/5'] })).toBe(true)
    expect(await isFound('deadLetters', { headers, value: value('garbage') }, { sources: ['req/0/6'] })).toBe(false)
    expect(await isFound('deadLetters', { headers, value: value('acme/r-1') })).toBe(true)
    expect(await isFound('deadLetters', { headers, value: null })).toBe(false)
  })

  it('among commands is known by what it is about', async () => {
    const about = { requestId: 'r-1', requestTenant: 'acme' }
    expect(await isCommandFound({ type: 'RecordFeedback', ...about })).toBe(true)
    expect(await isCommandFound({ type: 'CancelRequest', ...about })).toBe(true)
    expect(await isCommandFound({ type: 'CancelRequest', ...about, requestTenant: 'beta' })).toBe(false)
    expect(await isCommandFound({ type: 'DeleteModel', id: 'r-1' })).toBe(false)
    expect(await isFound('commands', { value: value('garbage') })).toBe(false)
  })

  it('is not searched on while the schema registry is away', async () => {
    const away = (async () => {
      throw new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'away')
    }) as Decode
    const record = { topic: 't', partition: 0, offset: 0, key: null, value: value('x'), headers: {}, timestamp: 0 }
    const ownerOf = recordOwner([{ ...key, sources: [] }], away)
    await expect(ownerOf(record, { name: 't', role: 'requests', tenant: null })).rejects.toMatchObject({
      code: 'SCHEMA_REGISTRY_UNAVAILABLE',
    })
  })
})

describe('records of many requests', () => {
  const wanted = [
    { tenant: 'acme', requestId: 'r-1', sources: [{ topic: 'req', partition: 0, offset: 5 }] },
    { tenant: 'acme', requestId: 'r-2', sources: [] },
    { tenant: 'beta', requestId: 'r-1', sources: [{ topic: 'req', partition: 1, offset: 5 }] },
  ]
  const ownerOf = recordOwner(wanted, decode)
  const owner = (role: SearchedTopic['role'], record: Partial<ReceivedRecord>) =>
    ownerOf(
      { topic: 'req', partition: 9, offset: 9, key: null, value: null, headers: {}, timestamp: 0, ...record },
      { name: 'req', role, tenant: null },
    )

  it('are told apart', async () => {
    expect(await owner('requests', { value: value('acme/r-2') })).toBe(1)
    expect(await owner('requests', { partition: 1, offset: 5, value: value('garbage') })).toBe(2)
    expect(await owner('chunks', { headers: { ce_subject: 'r-1' }, value: value('beta/r-1') })).toBe(2)
    expect(await owner('completions', { headers: { ce_id: eventId('acme', 'r-2', 'ModelCompletion', 0) } })).toBe(1)
    expect(await owner('completions', { headers: { ce_id: eventId('beta', 'r-2', 'ModelCompletion', 0) } })).toBeNull()
  })

  it('are known by any of their retries', async () => {
    for (const count of [1, 2, 40, 999]) {
      const headers = { 'retry-count': String(count), 'retry-id': eventId('beta', 'r-1', 'Retry', count) }
      expect(await owner('retry', { headers })).toBe(2)
    }
  })
})
