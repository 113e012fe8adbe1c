import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ValueDecoder } from './ports.ts'
import { type RetryDelay, retryDelayMs } from './retry-delay.ts'
import { pauseFor, type Timers } from './timers.ts'

/** How a value is decoded that cannot be decoded at once. */
export interface DecodeOptions<T> {
  decoder: ValueDecoder<T>
  timers: Timers
  /** Waits while the registry does not answer. */
  retry: RetryDelay
  /** Wait before an unknown schema is asked for once more, in ms: its producer may have registered it just now. */
  unknownSchemaRetryMs: number
  /** Ends all waiting. */
  signal: AbortSignal
  /** Told each time that the registry did not answer. */
  onRegistryAway(error: ModelServiceError): void
}

/**
 * Decodes a value: at once where the decoder can. An outage of the registry is waited out, however long; a schema that it
 * does not know is asked for twice.
 * @throws DECODE_FAILED, SCHEMA_UNKNOWN: the record belongs into the dead letter topic
 */
export function decodeRecord<T>(value: Buffer | null, options: DecodeOptions<T>): T | Promise<T> {
  try {
    const decoded = options.decoder.decode(value)
    return decoded instanceof Promise ? decoded.catch((error) => decodeAgain(value, options, error)) : decoded
  } catch (error) {
    if (isWorthWaiting(error)) return decodeAgain(value, options, error)
    throw toDecodeError(error)
  }
}

async function decodeAgain<T>(value: Buffer | null, options: DecodeOptions<T>, firstError: unknown): Promise<T> {
  const { decoder, timers, retry, unknownSchemaRetryMs, signal, onRegistryAway } = options
  let error = firstError
  let outages = 0
  let unknowns = 0
  while (isWorthWaiting(error)) {
    if (error.code === 'SCHEMA_UNKNOWN') {
      unknowns += 1
      if (unknowns > 1) break
      await pauseFor(timers, unknownSchemaRetryMs, signal)
    } else {
      outages += 1
      onRegistryAway(error)
      await pauseFor(timers, retryDelayMs(outages, retry), signal)
    }
    try {
      return await decoder.decode(value)
    } catch (next) {
      error = next
    }
  }
  throw toDecodeError(error)
}

function isWorthWaiting(error: unknown): error is ModelServiceError {
  return (
    error instanceof ModelServiceError &&
    (error.code === 'SCHEMA_UNKNOWN' || error.code === 'SCHEMA_REGISTRY_UNAVAILABLE')
  )
}

/** A decoder that fails otherwise has met a value that it was not made for. */
function toDecodeError(error: unknown): ModelServiceError {
  if (error instanceof ModelServiceError) return error
  return new ModelServiceError(
    'DECODE_FAILED',
    'The value could not be decoded. Expected Avro in Confluent wire format; correct the producer',
    { cause: error },
  )
}
