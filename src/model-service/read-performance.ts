/** How well models do, as users ask for it: checks the question, reads the sums, works out the averages. */
import type { RequestType } from '../contract/types.ts'
import { type PeriodLength, periodLengths, requireDay } from '../performance/days.ts'
import { maxNameLength } from '../performance/performance-sample.ts'
import { type Ranking, rankings, rankModels } from '../performance/rank-models.ts'
import {
  defaultMinSamples,
  type ModelPerformance,
  type PerformancePeriod,
  summarize,
  summarizeAll,
  summarizePeriods,
} from '../performance/summarize.ts'
import { refuse, requireRange } from './field-rules.ts'
import type { PerformanceStore } from './ports/performance-store.ts'
import type { RegistrySnapshot } from './ports/registry.ts'

/** Which requests are looked at. */
export interface PerformanceOptions {
  /** Only of this task type; all by default. */
  taskType?: string
  /** First and last day (UTC) on which they ended, both included, as `2026-11-24`; no limit by default. */
  from?: string
  to?: string
  /** Requests below which averages are null; default 5. */
  minSamples?: number
}

/** A history: how long its periods are. */
export interface HistoryOptions extends PerformanceOptions {
  /** Default `day`. */
  by?: PeriodLength
}

/** Which models may be the best, and what makes one so. */
export interface BestModelOptions extends Omit<PerformanceOptions, 'taskType'> {
  /** Default `quality`. */
  by?: Ranking
  /** 0 to 1; default 0. */
  minQuality?: number
  /** 0 to 1; default 0. */
  minSuccessRate?: number
  /** Only these; by default all that have served the task type. */
  among?: readonly string[]
  /** Only models that are registered with it. */
  capability?: RequestType
  /** In which costs are compared; default USD. */
  currency?: string
}

/** Where the answers come from. */
export interface PerformanceSources {
  store: PerformanceStore
  registry: RegistrySnapshot
}

/** How well one model did. @throws INVALID_REQUEST, DATABASE_UNAVAILABLE */
export async function readModelPerformance(
  store: PerformanceStore,
  model: string,
  options: PerformanceOptions = {},
): Promise<ModelPerformance> {
  const { minSamples, ...query } = checked(options)
  requireText('model', model)
  return summarize(model, await store.sums({ ...query, models: [model], byDay: false }), minSamples)
}

/** How well all models did, in the order of their ids. @throws INVALID_REQUEST, DATABASE_UNAVAILABLE */
export async function readAllPerformance(
  store: PerformanceStore,
  options: PerformanceOptions = {},
): Promise<ModelPerformance[]> {
  const { minSamples, ...query } = checked(options)
  return summarizeAll(await store.sums({ ...query, byDay: false }), minSamples)
}

/** How one model did in each period that has requests, oldest first. @throws INVALID_REQUEST, DATABASE_UNAVAILABLE */
export async function readPerformanceHistory(
  store: PerformanceStore,
  model: string,
  { by = 'day', ...options }: HistoryOptions = {},
): Promise<PerformancePeriod[]> {
  if (!periodLengths.includes(by)) refuse('by', `must be ${periodLengths.join(', ')}`)
  const { minSamples, ...query } = checked(options)
  requireText('model', model)
  const sums = await store.sums({ ...query, models: [model], byDay: true })
  return summarizePeriods(model, sums, { by, minSamples })
}

/**
 * The models that are good enough for a task type, best first. A registered model must be ACTIVE; one that is deleted is left
 * out. @throws INVALID_REQUEST, DATABASE_UNAVAILABLE
 */
export async function rankModelsForTask(
  { store, registry }: PerformanceSources,
  taskType: string,
  options: BestModelOptions = {},
): Promise<ModelPerformance[]> {
  const { by = 'quality', minQuality = 0, minSuccessRate = 0, among, capability, currency = 'USD', ...rest } = options
  if (!rankings.includes(by)) refuse('by', `must be ${rankings.join(', ')}`)
  requireRange('minQuality', minQuality, 0, 1)
  requireRange('minSuccessRate', minSuccessRate, 0, 1)
  for (const [index, model] of (among ?? []).entries()) requireText(`among[${index}]`, model)
  const { minSamples, ...query } = checked({ ...rest, taskType })
  const sums = await store.sums({ ...query, ...(among === undefined ? {} : { models: among }), byDay: false })
  const models = summarizeAll(sums, minSamples).filter(({ model }) => mayServe(registry, model, capability))
  return rankModels(models, { by, minQuality, minSuccessRate, currency })
}

/** Names that are not registered are served by their prefix, so they may be the best; of their capabilities nothing is known. */
function mayServe(registry: RegistrySnapshot, model: string, capability: RequestType | undefined): boolean {
  const definition = registry.model(model)
  if (definition === undefined) return capability === undefined && registry.isDeleted?.(model) !== true
  return definition.status === 'ACTIVE' && (capability === undefined || definition.capabilities.includes(capability))
}

function checked({ minSamples = defaultMinSamples, taskType, from, to }: PerformanceOptions) {
  if (!Number.isSafeInteger(minSamples) || minSamples < 0) refuse('minSamples', 'must be a whole number of at least 0')
  if (taskType !== undefined) requireText('taskType', taskType)
  requireDay('from', from)
  requireDay('to', to)
  if (from !== undefined && to !== undefined && from > to) refuse('from', 'must not be later than to')
  return {
    minSamples,
    ...(taskType === undefined ? {} : { taskType: taskType.slice(0, maxNameLength) }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}

/** The database's texts have no U+0000. */
function requireText(name: string, text: string): void {
  if (typeof text !== 'string' || text.includes('\0')) refuse(name, 'must be a text without U+0000')
}
