import { openProviders } from '../../../app-providers.ts'
import { completeDraft } from '../../../codec/contract-type.ts'
import type { Settings } from '../../../config/settings-schema.ts'
import type { Cost, ModelRequest, Usage } from '../../../contract/types.ts'
import { workerPlace } from '../../../delivery/worker-place.ts'
import { MemoryCallLimits } from '../../../limits/memory-call-limits.ts'
import { type EventBus, InProcessCommandBus, ModelService } from '../../../model-service/index.ts'
import { keepAliveTimers } from '../../../model-service/keep-alive-timers.ts'
import { unknownCost } from '../../../pricing/cost.ts'
import { priceUsage } from '../../../pricing/price-usage.ts'
import type { Database } from '../../../registry/database.ts'
import { PrismaRegistry } from '../../../registry/prisma-registry.ts'
import { requestTypeOf } from '../../../routing/request-type.ts'
import { type Candidate, resolveModel } from '../../../routing/resolve-model.ts'
import { UsageError } from '../../usage-error.ts'

/** The settings that {@link openRerunService} needs. */
export type RerunServiceSettings = Pick<Settings, 'models' | 'providerHttp' | 'reliability'>

/** What it is built from. */
export interface RerunServiceParts {
  database: Database
  /** Where provider keys are looked up. */
  env: Readonly<Record<string, string | undefined>>
  /** Closes what was opened. */
  resources: AsyncDisposableStack
  eventBus: EventBus
}

/** ModelService in this process, without a ledger: outcomes go to the bus that it is given. */
export interface RerunService {
  process: ModelService['process']
  /** Looks the target up, for the questions below. @throws MODEL_NOT_FOUND, MODEL_INACTIVE, PROVIDER_UNKNOWN, UsageError */
  target(asked: RerunTarget): Promise<ResolvedTarget>
}

/** What the user asks for. */
export interface RerunTarget {
  kind: 'model' | 'route'
  name: string
}

/** A model or route as it is registered now. */
export interface ResolvedTarget {
  /** Whether one of its models says that it serves requests of this kind; true where none says anything. */
  serves(request: Pick<ModelRequest, 'input'>): boolean
  /** What so much would cost now, at the first model of a route. */
  price(usage: Usage | null): Cost
}

/**
 * Builds it from the same parts as a worker. The limits of provider keys are shared as if it were one worker more, though the
 * others do not know of it.
 */
export async function openRerunService(
  settings: RerunServiceSettings,
  { database, env, resources, eventBus }: RerunServiceParts,
): Promise<RerunService> {
  const { providers, specializations } = openProviders(settings, { env, resources })
  // Nothing is changed here, so nothing is announced.
  const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
  const registry = new PrismaRegistry({ prisma: database.prisma, encoders })
  const callLimits = new MemoryCallLimits({ timers: keepAliveTimers })
  const { count } = await workerPlace(database.pool, undefined)
  callLimits.setPlace({ count: count + 1, rank: 0, turn: 0 })
  const service = new ModelService({
    db: { registry, specializations },
    eventBus,
    commandBus: new InProcessCommandBus(),
    settings: { ...settings.models, reliability: settings.reliability },
    callLimits,
    providerFactory: providers,
  })

  return {
    process: (request, context) => service.process(request, context),

    async target({ kind, name }) {
      const snapshot = await registry.snapshot()
      const route = snapshot.route(name)
      if (kind === 'route' && route === undefined) {
        throw new UsageError(`--route ${name} is not registered: expected a route, or --model for a model.`)
      }
      if (kind === 'model' && route !== undefined) {
        throw new UsageError(`--model ${name} is a route: expected --route for it.`)
      }
      const sources = {
        registry: snapshot,
        providers,
        defaultModel: null,
        random: () => 0,
        latencyOf: () => ({ latencyMs: null, openCount: 0 }),
        costOf: () => unknownCost('PRICE_UNKNOWN'),
        qualityOf: () => ({ quality: null, weight: 0 }),
      }
      const candidates = resolveModel(probe(name), sources).candidates
      const [first] = candidates
      return {
        serves: ({ input }) => candidates.some((candidate) => servesType(candidate, requestTypeOf(input))),
        price(usage) {
          if (first === undefined || usage === null) return unknownCost('USAGE_UNKNOWN')
          const { definition, provider, providerModel } = first
          const registryVersion = snapshot.version
          return priceUsage({ usage, definition, provider, providerModel, at: Date.now(), registryVersion })
        },
      }
    },
  }
}

/** A request that says nothing but what it is for. */
function probe(model: string): ModelRequest {
  return completeDraft('ModelRequest', { requestId: 'rerun', model, input: { type: 'CompletionInput', prompt: '' } })
}

function servesType({ definition }: Candidate, type: ReturnType<typeof requestTypeOf>): boolean {
  return definition === null || definition.capabilities.includes(type)
}
