/**
 * A client of the service, for programs that ask it over Kafka: the third public entry, `model-service/client`. It needs no database
 * and no provider.
 */

export type { SchemaRegistrySettings } from '../codec/schema-registry.ts'
export type * from '../contract/types.ts'
export { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts'
export { ModelServiceError } from '../errors/model-service-error.ts'
export type { KafkaSettings } from '../events/kafka-client.ts'
export type { Log } from '../model-service/ports/log.ts'
export type { StreamDelta } from './chunk-sequence.ts'
export type {
  CallOptions,
  ClientSettings,
  CommandOptions,
  ModelClientOptions,
  RequestDraft,
  SendOptions,
  WaitOptions,
} from './client-options.ts'
export type { Completed, CompletedChat } from './completed.ts'
export type { CompletionFilter, CompletionHandler } from './completion-listeners.ts'
export { ModelClient, type ModelClientParts } from './model-client.ts'
export { ModelStream, type StreamEvent } from './model-stream.ts'
export { optionsFromEnvironment } from './options-from-environment.ts'
export { CommandRefused, CompletionFailed } from './refused-answers.ts'
