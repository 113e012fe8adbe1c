/** The part of the composition root that fits the service to its ports. */
import type { Pool } from 'pg'
import { openProviders } from './app-providers.ts'
import type { Settings } from './config/settings-schema.ts'
import type { Incarnations } from './delivery/incarnations.ts'
import { repeat, systemTimers } from './delivery/timers.ts'
import { workerPlace } from './delivery/worker-place.ts'
import { type InProcessCommandBus, type Log, ModelService, type ModelServiceDb } from './model-service/index.ts'
import { measuredCallLimits } from './observability/measured-call-limits.ts'
import { measuredProviders } from './observability/measured-providers.ts'
import { measuredTargetHealth } from './observability/measured-target-health.ts'
import type { Metrics } from './observability/metrics.ts'
import type { PostgresPerformance } from './registry/postgres-performance.ts'
import { PostgresPerformanceTracker } from './registry/postgres-performance-tracker.ts'
import { QualityView } from './registry/quality-view.ts'

/** How often a worker looks who shares the limits of providers, in ms. */
const workerPlaceMs = 2_000

/** What the service is built from. */
export interface WorkerServiceParts {
  /** Where provider keys are looked up. */
  env: Readonly<Record<string, string | undefined>>
  /** What is started here is released with them. */
  resources: AsyncDisposableStack
  metrics: Metrics
  log: Log
  pool: Pool
  delivery: Incarnations
  commandBus: InProcessCommandBus
  registry: ModelServiceDb['registry']
  cancellations: ModelServiceDb['cancellations'] | undefined
  performance: PostgresPerformance
}

/** Builds it; requests are served from its `start` on. */
export function createWorkerService(settings: Settings, parts: WorkerServiceParts): ModelService {
  const { env, log, resources, metrics, pool, delivery, commandBus, registry, cancellations, performance } = parts
  const { models, reliability } = settings
  const { providers, specializations } = openProviders(settings, { env, resources })
  const callLimits = measuredCallLimits({ metrics, tenantWeights: settings.intake.tenantWeights })
  // Without a ledger nobody knows of the others: each worker keeps to the whole limit.
  if (settings.delivery.mode === 'ledger') {
    const look = async () => callLimits.setPlace(await workerPlace(pool, delivery.activeId))
    // While the database is away the last place holds.
    const run = () =>
      look().then(
        () => workerPlaceMs,
        () => workerPlaceMs,
      )
    resources.defer(repeat(systemTimers, { run }))
  }
  // The ledger counts with each outcome; without one it is done apart.
  const performanceTracker = settings.delivery.mode === 'ledger' ? null : startTracker({ pool, log, resources })
  const modelQuality = new QualityView({ registry, store: performance, log })
  modelQuality.start()
  resources.defer(() => modelQuality.stop())
  return new ModelService({
    db: {
      registry,
      performance,
      ...(cancellations === undefined ? {} : { cancellations }),
      specializations,
    },
    eventBus: delivery,
    commandBus,
    ...(performanceTracker === null ? {} : { performanceTracker }),
    settings: { ...models, reliability },
    callLimits,
    modelQuality,
    targetHealth: measuredTargetHealth({ metrics, log, settings: reliability }),
    providerFactory: measuredProviders(providers, metrics),
    log,
  })
}

function startTracker({ pool, log, resources }: Pick<WorkerServiceParts, 'pool' | 'log' | 'resources'>) {
  const tracker = new PostgresPerformanceTracker({ pool, log })
  tracker.start()
  resources.defer(() => tracker.stop())
  return tracker
}
