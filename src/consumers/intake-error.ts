import { ModelServiceError } from '../errors/model-service-error.ts'

/** The error of ours for one of the Kafka client that ended the reading of topics; the reason is often a few causes down. */
export function toIntakeError(error: unknown, topics: readonly string[]): ModelServiceError {
  const chain = causesOf(error)
  const detail = chain.at(-1)?.message ?? String(error)
  if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) {
    return new ModelServiceError(
      'TOPIC_MISSING',
      `One of the topics ${topics.join(', ')} does not exist. Run "model-service topics apply"`,
      { cause: error },
    )
  }
  const ours = chain.find((e) => e instanceof ModelServiceError)
  if (ours !== undefined) {
    return new ModelServiceError(ours.code, `Reading ${topics.join(', ')} failed: ${ours.message}`, { cause: error })
  }
  return new ModelServiceError(
    'BROKER_UNAVAILABLE',
    `Reading ${topics.join(', ')} failed (${detail}). Bring the broker back, or correct the connection settings`,
    { cause: error },
  )
}

/** Whether an error of the client, or one of its causes, is of this type of the protocol. */
export function isOfType(error: unknown, type: string): boolean {
  return causesOf(error).some((e) => ('type' in e && e.type === type) || e.name === type)
}

/** The error and its causes, at most ten. */
function causesOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let e: unknown = error; e instanceof Error && chain.length < 10; e = e.cause) chain.push(e)
  return chain
}
