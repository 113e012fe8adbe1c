/**
 * What ModelService needs from the world, as ports. It owns them; adapters in registry/, delivery/, providers/ implement
 * them. No Prisma, Kafka or HTTP type shows in this folder, so the service works as a plain library.
 */
import type { ReliabilitySettings } from '../../reliability/reliability-settings.ts'
import type { TokenCounter } from '../../tokens/token-counter.ts'
import type { CallLimits } from './call-limits.ts'
import type { Cancellations } from './cancellations.ts'
import type { CommandBus } from './command-bus.ts'
import type { Log } from './log.ts'
import type { ModelQuality } from './model-quality.ts'
import type { EventBus, PerformanceTracker } from './outcome.ts'
import type { PerformanceStore } from './performance-store.ts'
import type { ProviderFactory } from './provider-factory.ts'
import type { Registry } from './registry.ts'
import type { SpecializationSource } from './specialization-source.ts'
import type { TargetHealth } from './target-health.ts'
import type { TargetLatency } from './target-latency.ts'
import type { Clock, Timers } from './timers.ts'

/** Everything that ModelService is given. */
export interface ModelServiceDeps {
  db: ModelServiceDb
  eventBus: EventBus
  commandBus: CommandBus
  settings: ModelServiceSettings
  providerFactory: ProviderFactory
  /** Keeps running statistics of models; none by default. */
  performanceTracker?: PerformanceTracker
  /** Tells the time; the system's clock by default. */
  clock?: Clock
  /** Waits and measures time; the runtime's own by default. */
  timers?: Timers
  /** Remembers which targets fail; kept in the memory of this service by default. */
  targetHealth?: TargetHealth
  /** Remembers how fast models answer; kept in the memory of this service by default. */
  targetLatency?: TargetLatency
  /** Knows what answers of models are worth, for routes of BEST_QUALITY; nothing is known by default. */
  modelQuality?: ModelQuality
  /** Keeps calls within the limits of provider keys; counted in the memory of this service by default. */
  callLimits?: CallLimits
  /** Hears what is worth a log line; silent by default. */
  log?: Log
  /** Draws from 0 (included) to 1 (excluded) for weighted routes and for waits; Math.random by default. */
  random?: () => number
  /** Counts tokens by a vocabulary; by default one thread for the process, started at the first use. */
  tokenCounter?: TokenCounter
}

/** Repositories. */
export interface ModelServiceDb {
  registry: Registry
  specializations: SpecializationSource
  /** Without it, CancelRequest is answered COMMAND_NOT_SUPPORTED. */
  cancellations?: Cancellations
  /** Without it, RecordFeedback is answered COMMAND_NOT_SUPPORTED, and nothing is known of how well models do. */
  performance?: PerformanceStore
}

/** The narrow slice of the settings that the service reads. */
export interface ModelServiceSettings {
  /** Model for requests that name neither model nor provider; null refuses them. */
  defaultModel: string | null
  /** Total time of one attempt, in ms. */
  attemptTimeoutMs: number
  /** Time for fetching a specialization, in ms. */
  specializationTimeoutMs: number
  /** Largest inline medium, in bytes. */
  maxMediaBytes: number
  /** Longest wait for the limits of providers, in ms; default one hour. */
  maxQueueWaitMs?: number
  /** Retries, clocks and breakers within one run; what is left out has its default. */
  reliability?: Partial<ReliabilitySettings>
  /** Who counts the tokens of a chat whose length is in doubt; `local` by default. */
  tokenCounting?: 'local' | 'provider'
  /** Whether an answer that does not fit the schema that was asked for is sent back once to be mended; true by default. */
  structuredOutputRepair?: boolean
}
