import { describe, expect, test, vi } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { CancellationMixin } from '../../../src/model-service/cancellation-mixin.ts'
import { InProcessCommandBus } from '../../../src/model-service/in-process-command-bus.ts'
import { ModelServiceBase } from '../../../src/model-service/model-service-base.ts'
import type { CancellationRequest, Cancellations } from '../../../src/model-service/ports/cancellations.ts'
import type { ModelServiceDeps } from '../../../src/model-service/ports/model-service-deps.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'

class OnlyCancellation extends CancellationMixin(ModelServiceBase) {}

function build(request: Cancellations['request'] | null = async () => 'recorded') {
  const spy = vi.fn(request ?? (async () => 'recorded' as const))
  const commandBus = new InProcessCommandBus()
  const registry = new MemoryRegistry()
  const db = { registry, ...(request === null ? {} : { cancellations: { request: spy } }) }
  const service = new OnlyCancellation({ db, commandBus } as unknown as ModelServiceDeps)
  service.start()
  const send = (changes: { requestId?: string; requestTenant?: string; reason?: string } = {}, commandId = 'c-1') =>
    commandBus.send({ commandId, command: { type: 'CancelRequest', requestId: 'r-1', ...changes } })
  return { service, send, request: spy }
}

describe('CancelRequest', () => {
  test('is remembered under tenant and id, with its reason and command', async () => {
    const { send, request } = build()
    expect(await send({ requestTenant: 'acme', reason: 'not needed' })).toMatchObject({
      command: 'CancelRequest',
      commandId: 'c-1',
      status: 'APPLIED',
      entityKind: 'UNSPECIFIED',
      entityId: 'r-1',
      error: null,
    })
    expect(request).toHaveBeenCalledExactlyOnceWith({
      tenant: 'acme',
      requestId: 'r-1',
      reason: 'not needed',
      commandId: 'c-1',
      digest: expect.any(String),
    } satisfies CancellationRequest)
  })

  test('of a request that has ended is UNCHANGED', async () => {
    const { send } = build(async () => 'already-ended')
    expect(await send()).toMatchObject({ status: 'UNCHANGED', error: null })
  })

  test('sent again gives the result of the first time, whatever has happened meanwhile', async () => {
    const { send, request } = build()
    const first = await send()
    request.mockResolvedValue('already-ended')
    expect(await send()).toEqual(first)
  })

  test('under the id of another command is refused', async () => {
    const { send } = build()
    await send()
    expect(await send({ requestId: 'r-2' })).toMatchObject({
      status: 'REJECTED',
      error: { code: 'COMMAND_ID_REUSED' },
    })
  })

  test('waits while the database is away', async () => {
    const { send, request } = build()
    request.mockRejectedValueOnce(new ModelServiceError('DATABASE_UNAVAILABLE', 'away'))
    await expect(send()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    expect(await send()).toMatchObject({ status: 'APPLIED' })
  })

  test.each([
    ['an id that is none', { requestId: 'two words' }, 'requestId'],
    ['a tenant that is none', { requestTenant: '' }, 'requestTenant'],
    ['a reason beyond measure', { reason: 'x'.repeat(1_001) }, 'reason'],
    ['a reason that no database takes', { reason: 'a\u0000b' }, 'reason'],
  ])('with %s is refused and names the field', async (_, changes, field) => {
    const { send, request } = build()
    expect(await send(changes)).toMatchObject({
      status: 'REJECTED',
      error: { code: 'INVALID_REQUEST', message: expect.stringContaining(field) },
    })
    expect(request).not.toHaveBeenCalled()
  })

  test('is not supported where nothing remembers cancellations', async () => {
    const { send } = build(null)
    expect(await send()).toMatchObject({ status: 'REJECTED', error: { code: 'COMMAND_NOT_SUPPORTED' } })
  })
})

describe('cancelRequest', () => {
  test('does what the command does, for the default tenant', async () => {
    const { service, request } = build()
    expect(await service.cancelRequest({ requestId: 'r-1' }, { reason: 'late' })).toMatchObject({ status: 'APPLIED' })
    expect(request).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ tenant: 'default', requestId: 'r-1', reason: 'late' }),
    )
  })

  test('throws what a command would be refused with', async () => {
    const { service } = build(null)
    await expect(service.cancelRequest({ requestId: 'r-1' })).rejects.toMatchObject({ code: 'COMMAND_NOT_SUPPORTED' })
  })
})
