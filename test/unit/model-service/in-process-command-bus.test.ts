import { describe, expect, test } from 'vitest'
import { InProcessCommandBus } from '../../../src/model-service/in-process-command-bus.ts'
import type { CommandEnvelope } from '../../../src/model-service/ports/command-bus.ts'

describe('the command bus of one process', () => {
  test('refuses what nobody carries out', async () => {
    const bus = new InProcessCommandBus({ now: () => 5 })
    expect(await bus.send({ commandId: 'c', command: { type: 'DeleteModel', id: 'm' } })).toEqual({
      commandId: 'c',
      command: 'DeleteModel',
      status: 'REJECTED',
      entityKind: 'MODEL',
      entityId: 'm',
      version: null,
      error: expect.objectContaining({ code: 'COMMAND_NOT_SUPPORTED' }),
      occurredAt: 5,
    })
  })

  test('gives the handler the whole body, and a digest of the content alone', async () => {
    const bus = new InProcessCommandBus()
    const seen: [unknown, CommandEnvelope][] = []
    bus.handle('DeleteModel', async (body, envelope) => {
      seen.push([body, envelope])
      return {
        commandId: envelope.commandId,
        command: 'DeleteModel',
        status: 'APPLIED',
        entityKind: 'MODEL',
        entityId: body.id,
        version: 1,
        error: null,
        occurredAt: 1,
      }
    })
    await bus.send({ commandId: 'a', actor: 'ada', issuedAt: 9, command: { type: 'DeleteModel', id: 'm' } })
    await bus.send({ commandId: 'b', command: { type: 'DeleteModel', id: 'm' } })
    await bus.send({ commandId: 'c', command: { type: 'DeleteModel', id: 'n' } })
    expect(seen[0]).toEqual([
      { type: 'DeleteModel', id: 'm', expectedVersion: null },
      { commandId: 'a', actor: 'ada', digest: expect.any(String) },
    ])
    const digests = seen.map(([, { digest }]) => digest)
    expect(digests[0]).toBe(digests[1])
    expect(digests[0]).not.toBe(digests[2])
  })

  test.each(['', 'a b', 'ü', 'x'.repeat(129)])('cannot answer a command of id %j', async (commandId) => {
    await expect(
      new InProcessCommandBus().send({ commandId, command: { type: 'DeleteModel', id: 'm' } }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('cannot answer what is no command', async () => {
    await expect(
      new InProcessCommandBus().send({ commandId: 'c', command: { type: 'Explode' } as never }),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})
