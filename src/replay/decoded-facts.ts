import { ModelServiceError } from '../errors/model-service-error.ts'

/**
 * What a record is turned into once it is decoded: at once where it decodes at once, for a promise a record would cost more than the
 * record. `factsOf` is given null for a record that cannot be read, which is a fact; a registry that is away is not.
 */
export function decodedFacts<T, TFact>(
  decode: () => T | Promise<T>,
  factsOf: (value: T | null) => TFact[],
): TFact[] | Promise<TFact[]> {
  let value: T | Promise<T>
  try {
    value = decode()
  } catch (error) {
    return factsOf(nullIfUnreadable(error))
  }
  return value instanceof Promise ? value.catch(nullIfUnreadable).then(factsOf) : factsOf(value)
}

function nullIfUnreadable(error: unknown): null {
  if (error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN'))
    return null
  throw error
}
