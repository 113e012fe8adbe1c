import { ModelServiceError } from '../errors/model-service-error.ts'

/** An error of the client library as one of ours; our own pass through. */
export function brokerError(error: unknown): unknown {
  if (!(error instanceof Error) || !error.name.startsWith('KafkaJS')) return error
  if ('type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new ModelServiceError('TOPIC_MISSING', 'A topic does not exist.', { cause: error })
  }
  return new ModelServiceError('BROKER_UNAVAILABLE', `Kafka did not answer as expected: ${error.message}.`, {
    cause: error,
  })
}
