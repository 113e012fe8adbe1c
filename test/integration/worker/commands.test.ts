/** The registry, changed through the command topic of a real worker. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { openRecordEncoder } from '../../../src/codec/record-encoder.ts'
import { openSchemaRegistry } from '../../../src/codec/schema-registry.ts'
import type { ModelCommandDraft } from '../../../src/contract/types.ts'
import { createTopics } from '../../support/create-topics.ts'
import { scrape } from '../../support/scrape.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()
const replies = () => `${service.env['TOPIC_PREFIX']}replies`

beforeAll(async () => {
  const admin = service.session.kafka.admin()
  await admin.connect()
  await createTopics(admin, [{ topic: replies(), numPartitions: 1 }])
  await admin.disconnect()
  await service.startWorker({ env: { REPLY_TOPICS: replies() } })
  await service.registerOnDouble({
    first: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    slow: { capabilities: ['CHAT'], providerModel: 'double-delay-3000' },
  })
})

describe('commands', () => {
  it('register, update and delete a model; requests see each change; events carry the full state', async () => {
    const model = { id: 'changing', provider: 'double', providerModel: 'double-chat', capabilities: ['CHAT' as const] }
    expect(await service.command({ type: 'RegisterModel', model })).toMatchObject({ status: 'APPLIED' })
    const first = service.chat('changing')
    await service.send(first)
    expect((await service.completions([first.requestId]))[0]?.status).toBe('COMPLETED')

    const update = { ...model, status: 'INACTIVE' as const }
    const updated = await service.command({ type: 'UpdateModel', model: update, fields: ['status'] })
    expect(updated).toMatchObject({ status: 'APPLIED', entityKind: 'MODEL', entityId: 'changing' })
    const second = service.chat('changing')
    await service.send(second)
    expect((await service.completions([second.requestId]))[0]?.error?.code).toBe('MODEL_INACTIVE')

    expect(await service.command({ type: 'DeleteModel', id: 'changing' })).toMatchObject({ status: 'APPLIED' })
    const events = (await service.readRecords('registry')).filter(({ record }) => record.id === 'changing')
    expect(events.map(({ record }) => [record.action, record.model?.status ?? null])).toEqual([
      ['REGISTERED', 'ACTIVE'],
      ['UPDATED', 'INACTIVE'],
      ['DELETED', null],
    ])
    expect(events.map(({ headers }) => headers['ce_type'])).toEqual([
      'model.registered',
      'model.updated',
      'model.deleted',
    ])
    const versions = events.map(({ record }) => record.version)
    expect(versions).toEqual([...versions].sort((a, b) => a - b))
  })

  it('are carried out once by their id, and answered each time', async () => {
    const commandId = randomUUID()
    const model = { id: 'single', provider: 'double', capabilities: ['CHAT' as const] }
    const once = await service.command({ type: 'RegisterModel', model }, commandId)
    const again = await service.command({ type: 'RegisterModel', model }, commandId)
    expect(once).toMatchObject({ status: 'APPLIED' })
    expect(again).toMatchObject({ status: once.status, version: once.version })
    const other = await service.command({ type: 'DeleteModel', id: 'single' }, commandId)
    expect(other).toMatchObject({ status: 'REJECTED', error: { code: 'COMMAND_ID_REUSED' } })
  })

  it('of every kind are carried out once, and answered each time, also where they asked for a reply', async () => {
    const model = { id: 'm', provider: 'own', capabilities: ['CHAT' as const] }
    const bodies: ModelCommandDraft['command'][] = [
      { type: 'RegisterProvider', provider: { id: 'own', kind: 'openai' } },
      { type: 'UpdateProvider', provider: { id: 'own', defaultModel: 'x' }, fields: ['defaultModel'] },
      { type: 'SetLimits', provider: 'own', limits: { requestsPerMinute: 60 } },
      { type: 'RegisterModel', model },
      { type: 'UpdateModel', model: { id: 'm', description: 'Good' }, fields: ['description'] },
      { type: 'SetModelStatus', id: 'm', status: 'DEPRECATED' },
      { type: 'RegisterRoute', route: { id: 'r', targets: [{ model: 'm' }] } },
      { type: 'UpdateRoute', route: { id: 'r', metadata: { a: 'b' } }, fields: ['metadata'] },
      { type: 'DeleteRoute', id: 'r' },
      { type: 'DeleteModel', id: 'm' },
      { type: 'DeleteProvider', id: 'own' },
      { type: 'CancelRequest', requestId: 'never-seen' },
      { type: 'RecordFeedback', requestId: 'never-seen' },
    ]
    const commands = bodies.map((command, index) => ({ commandId: `each-${index}`, actor: 'ada', command }))
    // Under one key they keep their order; the second time each meets a registry that has gone on.
    for (const command of [...commands, ...commands]) {
      const headers = { 'reply-topic': replies(), 'correlation-id': `of ${command.commandId}` }
      await service.sendBytes('commands', { key: 'one line', value: await encode(command), headers })
    }
    await until(async () => (await service.readAll({ name: replies() })).length >= 2 * commands.length, 'all replies', {
      intervalMs: 500,
    })
    const answers = await service.readRecords('commandResults')
    const answered = await service.readAll({ name: replies() })
    const events = await service.readRecords('registry')
    for (const { commandId, command } of commands) {
      const own = answers.filter(({ record }) => record.commandId === commandId)
      expect(own).toHaveLength(2)
      expect(own[0]?.record).toEqual(own[1]?.record)
      const isFeedback = command.type === 'RecordFeedback'
      expect(own[0]?.record).toMatchObject({ command: command.type, ...(isFeedback ? {} : { status: 'APPLIED' }) })
      const copies = answered.filter(({ key }) => key?.toString() === commandId)
      expect(copies.map(({ value }) => value)).toEqual(own.map(({ value }) => value))
      expect(copies.map(({ headers }) => headers['correlation-id'])).toEqual(Array(2).fill(`of ${commandId}`))
      const announced = events.filter(({ record }) => record.commandId === commandId)
      const isAboutRegistry = own[0]?.record.entityKind !== 'UNSPECIFIED'
      expect(announced).toHaveLength(isAboutRegistry ? 1 : 0)
      if (!isAboutRegistry) continue
      const [{ record: event }] = announced as [(typeof announced)[0]]
      expect(event).toMatchObject({ version: own[0]?.record.version, id: own[0]?.record.entityId, actor: 'ada' })
      // Full state, of its own kind only; none when deleted.
      const states = [event.model, event.provider, event.route].filter((state) => state !== null)
      expect(states.map(({ id }) => id)).toEqual(event.action === 'DELETED' ? [] : [event.id])
    }
  })

  it.each([
    [
      'a taken id',
      { type: 'RegisterModel', model: { id: 'first', provider: 'double', capabilities: ['CHAT'] } },
      'MODEL_ALREADY_EXISTS',
    ],
    ['an unknown model', { type: 'DeleteModel', id: 'nothing' }, 'MODEL_NOT_FOUND'],
    [
      'an unknown provider',
      { type: 'RegisterModel', model: { id: 'x', provider: 'nobody', capabilities: ['CHAT'] } },
      'PROVIDER_UNKNOWN',
    ],
    ['no capabilities', { type: 'RegisterModel', model: { id: 'x', provider: 'double' } }, 'INVALID_REQUEST'],
    [
      'a key instead of a reference',
      { type: 'RegisterProvider', provider: { id: 'p', kind: 'openai', keyReferences: ['sk-secret'] } },
      'INVALID_REQUEST',
    ],
    ['a provider in use', { type: 'DeleteProvider', id: 'double' }, 'PROVIDER_IN_USE'],
    ['feedback on an unknown request', { type: 'RecordFeedback', requestId: 'x', score: 1 }, 'REQUEST_NOT_FOUND'],
    [
      'an id that no table takes',
      { type: 'RegisterModel', model: { id: 'a\0b', provider: 'double', capabilities: ['CHAT'] } },
      'INVALID_REQUEST',
    ],
    ['the same id to delete', { type: 'DeleteModel', id: 'a\0b' }, 'INVALID_REQUEST'],
    ['the same id to limit', { type: 'SetLimits', provider: 'a\0b', limits: {} }, 'INVALID_REQUEST'],
    ['a request id that no table takes', { type: 'CancelRequest', requestId: 'a\0b' }, 'INVALID_REQUEST'],
    [
      'a text that no table takes',
      { type: 'RegisterModel', model: { id: 'x', provider: 'double', capabilities: ['CHAT'], description: 'a\0b' } },
      'INVALID_REQUEST',
    ],
  ] as const)('with %s are refused with a code', async (_, command, code) => {
    const result = await service.command(structuredClone(command) as Parameters<typeof service.command>[0])
    expect(result).toMatchObject({ status: 'REJECTED', error: { code } })
    expect(JSON.stringify(result)).not.toContain('sk-secret')
  })

  it('leave an outbox with nothing unpublished', async () => {
    await until(async () => {
      const { rows } = await service.sql.query('SELECT count(*)::int AS left FROM outbox WHERE published_at IS NULL')
      return rows[0].left === 0
    }, 'the outbox to be published')
  })
})

describe('a change', () => {
  it('is noticed by every worker within 2 s', async () => {
    await service.startWorker()
    const model = { id: 'passing', provider: 'double', providerModel: 'double-chat', capabilities: ['CHAT' as const] }
    await service.command({ type: 'RegisterModel', model })
    await until(async () => (await partitionCounts()).every((count) => count > 0), 'both workers to have partitions')
    const refusedFrom = new Set<number>()
    const changed = await service.command({ type: 'SetModelStatus', id: 'passing', status: 'INACTIVE' })
    const partitionCount = (await partitionCounts()).reduce((sum, count) => sum + count)
    const late: unknown[] = []
    await until(async () => {
      const requests = Array.from({ length: 12 }, () => service.chat('passing'))
      await Promise.all(requests.map((request) => service.send(request)))
      for (const { status, error, timings, source, registryVersion } of await service.completions(
        requests.map(({ requestId }) => requestId),
      )) {
        if (error?.code === 'MODEL_INACTIVE') {
          expect(registryVersion).toBeGreaterThanOrEqual(changed.version ?? Number.POSITIVE_INFINITY)
          refusedFrom.add(source?.partition ?? -1)
        } else if ((timings.claimedAt ?? 0) - changed.occurredAt > 2_000) late.push({ status, timings })
      }
      return refusedFrom.size === partitionCount
    }, 'requests of every partition to be refused')
    expect(late).toEqual([])
  })

  it('leaves a call that runs under the version that it began with', async () => {
    const before = (await service.command({ type: 'SetModelStatus', id: 'slow', status: 'DEPRECATED' })).version ?? 0
    const callCount = () => service.double.ledger.list().filter(({ model }) => model === 'double-delay-3000').length
    const running = service.chat('slow')
    const callsBefore = callCount()
    await service.send(running)
    await until(() => callCount() > callsBefore, 'the call to run')
    const changed = await service.command({ type: 'DeleteModel', id: 'slow' })
    const [completion] = await service.completions([running.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', model: 'slow' })
    expect(completion?.timings.finishedAt).toBeGreaterThan(changed.occurredAt)
    expect(completion?.registryVersion).toBeLessThanOrEqual(before)
    expect(completion?.registryVersion).toBeLessThan(changed.version ?? 0)
  })

  function partitionCounts(): Promise<number[]> {
    return Promise.all(
      service.workers.map(async ({ healthUrl }) => {
        const names = [...(await scrape(healthUrl)).keys()]
        const requests = `{consumer="requests",topic="${service.topic('requests')}"`
        return names.filter((name) => name.startsWith(`model_service_consumer_unfinished_records${requests}`)).length
      }),
    )
  }
})

async function encode(command: ModelCommandDraft): Promise<Buffer> {
  const registry = openSchemaRegistry({ url: service.env['SCHEMA_REGISTRY_URL'] ?? '' })
  const topicPrefix = service.env['TOPIC_PREFIX'] ?? ''
  try {
    return (await openRecordEncoder('ModelCommand', 'commands', { registry, topicPrefix }))(command)
  } finally {
    await registry.close()
  }
}
