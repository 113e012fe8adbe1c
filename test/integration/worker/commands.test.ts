/** The registry, changed through the command topic of a real worker. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ first: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
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
    ['a kind that nobody carries out yet', { type: 'RecordFeedback', requestId: 'x' }, 'COMMAND_NOT_SUPPORTED'],
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
