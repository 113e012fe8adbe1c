/** What the schema registry and the registry of models are asked. */
import { checkSchemas } from '../../codec/schema-registration.ts'
import { openSchemaRegistry } from '../../codec/schema-registry.ts'
import { schemaRegistryConnection } from '../../config/connections.ts'
import type { ModelDefinition, ProviderDefinition } from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { HttpMediaFetcher } from '../../providers/http/media-fetcher.ts'
import { UndiciHttpClient } from '../../providers/http/undici-http-client.ts'
import { ConfiguredProviderFactory } from '../../providers/provider-factory.ts'
import { PrismaRegistry } from '../../registry/prisma-registry.ts'
import { counted } from '../counted.ts'
import { afterReaching, type DoctorContext, needed } from './doctor-context.ts'
import { type Check, type Finding, failure, findingOf, fine, warning } from './finding.ts'

/** Checks of schemas, providers and models. */
export function registryChecks(context: DoctorContext): Check[] {
  return [
    { name: 'schemas', run: () => checkContractSchemas(context) },
    afterReaching(() => context.database(), 'the database', {
      name: 'providers',
      run: () => checkProviders(context),
    }),
  ]
}

async function checkContractSchemas({ settings }: DoctorContext): Promise<Finding[]> {
  const { topicPrefix, requestTopics } = needed(settings, 'kafka')
  const registry = openSchemaRegistry(schemaRegistryConnection(needed(settings, 'schemaRegistry')))
  try {
    const rows = await checkSchemas({ registry, topicPrefix, requestTopics: requestTopics.map(({ name }) => name) })
    const bad = rows.filter(({ status }) => status === 'missing' || status === 'failed')
    if (bad.length === 0) return [fine(`${rows.length} schemas are registered`)]
    return bad.map(({ subject, status, problems }) =>
      status === 'missing'
        ? failure(`${subject} is not registered`, 'Run "model-service schemas register".')
        : failure(`${subject}: ${problems.join('; ')}`, 'docs/versioning.md says what may change, and how.'),
    )
  } finally {
    await registry.close()
  }
}

async function checkProviders(context: DoctorContext): Promise<Finding[]> {
  const { providers, models } = await readRegistry(context)
  const { providerAllowedHosts, secretsDir } = needed(context.settings, 'models')
  const httpClient = new UndiciHttpClient(needed(context.settings, 'providerHttp'))
  const mediaFetcher = new HttpMediaFetcher({ maxBytes: 1, maxTotalBytes: 1, allowedHosts: [] })
  const factory = new ConfiguredProviderFactory({
    env: context.env,
    secretsDirectory: secretsDir,
    allowedHosts: providerAllowedHosts,
    httpClient,
    mediaFetcher,
  })
  try {
    const findings = providers.flatMap((provider) => judgeProvider(provider, factory))
    findings.push(...judgeModels(models, providers, factory))
    return [
      fine(`${counted(providers.length, 'provider')} and ${counted(models.length, 'model')} registered`),
      ...findings,
    ]
  } finally {
    await Promise.all([httpClient.close(), mediaFetcher.close()])
  }
}

/** Builds the adapter as a worker would: kind, address and keys are judged by the same code. Nothing is called. */
function judgeProvider(provider: ProviderDefinition, factory: ConfiguredProviderFactory): Finding[] {
  try {
    factory.keyed(provider)
    return []
  } catch (error) {
    if (!(error instanceof ModelServiceError)) throw error
    // Messages name references, never keys.
    if (error.code !== 'PROVIDER_AUTHENTICATION') return [findingOf(error)]
    const action = 'Set it where the workers run; if it is set there and only not here, all is well.'
    return [warning(`${provider.id}: ${error.message}`, action)]
  }
}

function judgeModels(
  models: readonly ModelDefinition[],
  providers: readonly ProviderDefinition[],
  factory: ConfiguredProviderFactory,
): Finding[] {
  const known = new Set([...providers.map(({ id }) => id), ...factory.presets])
  return models
    .filter(({ provider, status }) => status === 'ACTIVE' && !known.has(provider))
    .map(({ id, provider }) =>
      failure(
        `model ${id} names the provider ${provider}, which is neither registered nor a preset`,
        'Register the provider, or update the model.',
      ),
    )
}

/** Models that are looked at, at most. */
const maxModelsCount = 10_000

async function readRegistry(
  context: DoctorContext,
): Promise<{ providers: ProviderDefinition[]; models: ModelDefinition[] }> {
  const { prisma } = await context.database()
  const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
  const registry = new PrismaRegistry({ prisma, encoders })
  const providers = (await registry.listProviders()).map(({ definition }) => definition)
  const models: ModelDefinition[] = []
  for (let page = 1; models.length < maxModelsCount; page += 1) {
    const found = await registry.listModels({ page, pageSize: 200 })
    models.push(...found.models.map(({ definition }) => definition))
    if (found.models.length === 0 || models.length >= found.totalCount) break
  }
  return { providers, models }
}
