import { type Cancellation, CancellationMixin } from './cancellation-mixin.ts'
import { type Logging, LoggingMixin } from './logging-mixin.ts'
import type { AssertNever, SharedKeys } from './mixin.ts'
import { type ModelManagement, ModelManagementMixin } from './model-management-mixin.ts'
import { ModelServiceBase } from './model-service-base.ts'
import { type PerformanceInsights, PerformanceMixin } from './performance-mixin.ts'
import { type RequestProcessing, RequestProcessingMixin } from './request-processing-mixin.ts'

/**
 * The service. LoggingMixin is the outermost, so that it sees every operation of the others.
 *
 * @example
 * const service = new ModelService({ db, eventBus, commandBus, settings, providerFactory })
 * service.start()
 * const completion = await service.process(request)
 */
export class ModelService extends LoggingMixin(
  PerformanceMixin(CancellationMixin(RequestProcessingMixin(ModelManagementMixin(ModelServiceBase)))),
) {}

/** Does not compile when two mixins add the same name: the later one would silently win. */
export type NamesSharedByMixins = AssertNever<
  SharedKeys<[ModelManagement, RequestProcessing, Cancellation, PerformanceInsights, Logging]>
>
