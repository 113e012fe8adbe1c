import { pauseFor, type Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ValueDecoder } from './ports.ts'
import { type RetryDelay, retryDelayMs } from './retry-delay.ts'

/** How the registry is waited for. */
export interface DecodeOptions<T> {
  decoder: ValueDecoder<T>
  timers: Timers
  /** Waits while the registry does not answer. */
  retry: RetryDelay
  /** Ends all waiting. */
  signal: AbortSignal
  /** Told each time that the registry did not answer. */
  onRegistryAway(error: ModelServiceError): void
}

/**
 * Decodes a value: at once where the decoder can. An outage of the registry is waited out, however long.
 * @throws DECODE_FAILED, SCHEMA_UNKNOWN: the record belongs into the dead letter topic
 */
export function decodeRecord<T>(value: Buffer | null, options: DecodeOptions<T>): T | Promise<T> {
  try {
    const decoded = options.decoder.decode(value)
    return decoded instanceof Promise ? decoded.catch((error) => decodeAgain(value, options, error)) : decoded
  } catch (error) {
    if (isRegistryAway(error)) return decodeAgain(value, options, error)
    throw toDecodeError(error)
  }
}

async function decodeAgain<T>(value: Buffer | null, options: DecodeOptions<T>, firstError: unknown): Promise<T> {
  const { decoder, timers, retry, signal, onRegistryAway } = options
  let error = firstError
  for (let outages = 1; isRegistryAway(error); outages++) {
    onRegistryAway(error)
    await pauseFor(timers, retryDelayMs(outages, retry), signal)
    try {
      return await decoder.decode(value)
    } catch (next) {
      error = next
    }
  }
  throw toDecodeError(error)
}

function isRegistryAway(error: unknown): error is ModelServiceError {
  return error instanceof ModelServiceError && error.code === 'SCHEMA_REGISTRY_UNAVAILABLE'
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
