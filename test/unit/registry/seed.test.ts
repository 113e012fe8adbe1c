import { expect, it } from 'vitest'
import { seed } from '../../../prisma/seed.ts'
import { MemoryRegistry } from '../../../src/registry/memory-registry.ts'

it('registers the first providers once, and leaves alone what was changed since', async () => {
  const registry = new MemoryRegistry()
  expect(await seed(registry)).toEqual(['openai', 'anthropic', 'gemini', 'ollama'])
  const openai = await registry.find('PROVIDER', 'openai')
  expect(openai?.definition.keyReferences).toEqual(['MODEL_KEY_OPENAI'])

  const command = { commandId: 'c-1', name: 'DeleteProvider', actor: null, digest: 'd' }
  await registry.commit({
    kind: 'PROVIDER',
    action: 'DELETED',
    id: 'ollama',
    definition: null,
    expectedVersion: null,
    command,
  })
  expect(await seed(registry)).toEqual([])
  expect(await registry.find('PROVIDER', 'ollama')).toBeNull()
})
