/** The only public entry. Everything a program needs to run the service inside its own process. */
export { type ContractName, completeDraft, type DraftOf, type RecordOf } from '../codec/contract-type.ts'
export type * from '../contract/types.ts'
export { type ErrorCode, type ErrorEntry, errorCatalogue } from '../errors/catalogue.ts'
export { ModelServiceError, type ModelServiceErrorOptions } from '../errors/model-service-error.ts'
export type { PeriodLength } from '../performance/days.ts'
export type { PerformanceSums } from '../performance/performance-sums.ts'
export type { Ranking } from '../performance/rank-models.ts'
export type { ModelCost, ModelPerformance, PerformancePeriod } from '../performance/summarize.ts'
export * from '../providers/provider.ts'
export { type Cancellation, CancellationMixin } from './cancellation-mixin.ts'
export { InProcessCommandBus } from './in-process-command-bus.ts'
export { type Logging, LoggingMixin } from './logging-mixin.ts'
export type { AbstractConstructor, AssertNever, SharedKeys } from './mixin.ts'
export {
  type ChangeOptions,
  type ModelManagement,
  ModelManagementMixin,
  type VersionedChangeOptions,
} from './model-management-mixin.ts'
export { ModelService } from './model-service.ts'
export { type LogFields, ModelServiceBase, type Operation, type RequestProduct } from './model-service-base.ts'
export { type FeedbackDraft, type PerformanceInsights, PerformanceMixin } from './performance-mixin.ts'
export * from './ports.ts'
export type { BestModelOptions, HistoryOptions, PerformanceOptions } from './read-performance.ts'
export { type RequestOf, type RequestProcessing, RequestProcessingMixin } from './request-processing-mixin.ts'
