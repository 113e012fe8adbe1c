/**
 * Registers the providers that most begin with: `node prisma/seed.ts`, or `prisma db seed`, on the DATABASE_URL. It holds no
 * key, only the names of the variables that hold them. It may run any number of times: each registration is a command with an
 * id of its own, so what was changed or deleted since stays as it is. Nothing is announced on the registry topic.
 */
import { createHash } from 'node:crypto'
import type { ProviderDefinition } from '../src/contract/types.ts'
import { ModelServiceError } from '../src/errors/model-service-error.ts'
import type { Registry } from '../src/model-service/ports/registry.ts'
import { openDatabase } from '../src/registry/database.ts'
import { PrismaRegistry } from '../src/registry/prisma-registry.ts'

/** The providers, each with the address of its preset. */
const providers: readonly ProviderDefinition[] = [
  preset('openai', ['MODEL_KEY_OPENAI']),
  preset('anthropic', ['MODEL_KEY_ANTHROPIC']),
  preset('gemini', ['MODEL_KEY_GEMINI']),
  preset('ollama', []),
]

/** Registers what is missing, by the code that carries out commands; gives the ids of what was registered. */
export async function seed(registry: Registry): Promise<string[]> {
  const registered: string[] = []
  for (const definition of providers) {
    const { id } = definition
    if ((await registry.find('PROVIDER', id)) !== null) continue
    const digest = createHash('sha256').update(JSON.stringify(definition)).digest('hex')
    try {
      const startedAt = Date.now()
      const result = await registry.commit({
        kind: 'PROVIDER',
        action: 'REGISTERED',
        id,
        definition,
        expectedVersion: null,
        command: { commandId: `seed-provider-${id}`, name: 'RegisterProvider', actor: 'seed', digest },
      })
      // The result of an earlier run: somebody has deleted the provider since.
      if (result.occurredAt >= startedAt) registered.push(id)
    } catch (error) {
      // Somebody else was quicker, or an earlier version has seeded it otherwise.
      if (!(error instanceof ModelServiceError) || !isKnown(error)) throw error
    }
  }
  return registered
}

function isKnown({ code }: ModelServiceError): boolean {
  return code === 'PROVIDER_ALREADY_EXISTS' || code === 'COMMAND_ID_REUSED'
}

function preset(id: string, keyReferences: string[]): ProviderDefinition {
  return { id, kind: id, baseUrl: null, keyReferences, defaultModel: null, limits: null, metadata: {} }
}

if (import.meta.main) {
  const url = process.env['DATABASE_URL']
  if (url === undefined || url === '') {
    console.error('DATABASE_URL is not set. Expected the address of a migrated PostgreSQL database')
    process.exitCode = 1
  } else {
    const database = openDatabase({ url, applicationName: 'model-service seed' })
    try {
      const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
      const registered = await seed(new PrismaRegistry({ prisma: database.prisma, encoders }))
      console.log(registered.length === 0 ? 'Nothing to register' : `Registered ${registered.join(', ')}`)
    } finally {
      await database.close()
    }
  }
}
