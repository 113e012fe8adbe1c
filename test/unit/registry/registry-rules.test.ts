import { describe, expect, it } from 'vitest'
import type { RegistryChange } from '../../../src/model-service/ports/registry.ts'
import { checkChange, checkProviderUnused } from '../../../src/registry/registry-rules.ts'

const definition = {
  id: 'fast',
  strategy: 'UNSPECIFIED',
  targets: [],
  conditions: [],
  otherwise: null,
  onContextLength: null,
  onContentFilter: null,
  metadata: {},
} as const

function change(more: Partial<RegistryChange<'ROUTE'>>): RegistryChange {
  return {
    kind: 'ROUTE',
    action: 'UPDATED',
    id: 'fast',
    definition: { ...definition, targets: [], conditions: [] },
    expectedVersion: null,
    command: { commandId: 'c', name: 'UpdateRoute', actor: null, digest: 'd' },
    ...more,
  }
}

describe('checkChange', () => {
  it.each([
    [{ action: 'REGISTERED' }, null, null],
    [{ action: 'REGISTERED' }, 3, 'ROUTE_ALREADY_EXISTS'],
    [{ action: 'UPDATED' }, 3, null],
    [{ action: 'UPDATED' }, null, 'ROUTE_NOT_FOUND'],
    [{ action: 'UPDATED', expectedVersion: 3 }, 3, null],
    [{ action: 'UPDATED', expectedVersion: 2 }, 3, 'VERSION_CONFLICT'],
    [{ action: 'UPDATED', definition: null }, 3, 'INVALID_REQUEST'],
    [{ action: 'UPDATED', id: 'other' }, 3, 'INVALID_REQUEST'],
    [{ action: 'DELETED', definition: null }, 3, null],
    [{ action: 'DELETED' }, 3, 'INVALID_REQUEST'],
    [{ action: 'DELETED', definition: null }, null, 'ROUTE_NOT_FOUND'],
    [{ action: 'DELETED', definition: null, expectedVersion: 4 }, 3, 'VERSION_CONFLICT'],
  ] as const)('%j on version %s gives %s', (more, currentVersion, code) => {
    const check = () => checkChange(change(more), currentVersion)
    if (code === null) expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ code }))
  })
})

describe('checkProviderUnused', () => {
  it('names the first models that use it', () => {
    expect(() => checkProviderUnused('openai', [])).not.toThrow()
    expect(() => checkProviderUnused('openai', ['a', 'b', 'c', 'd', 'e', 'f'])).toThrow(/used by a, b, c, d, e, …/)
  })
})
