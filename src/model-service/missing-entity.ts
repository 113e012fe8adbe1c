import type { ErrorCode } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ReadOptions, RegistryKind, RegistryMoment } from './ports/registry.ts'

const missingCodes = {
  MODEL: 'MODEL_NOT_FOUND',
  PROVIDER: 'PROVIDER_UNKNOWN',
  ROUTE: 'ROUTE_NOT_FOUND',
} as const satisfies Record<RegistryKind, ErrorCode>

/** The error for an entity that is not registered, or was not then: MODEL_NOT_FOUND, PROVIDER_UNKNOWN, ROUTE_NOT_FOUND. */
export function missingEntity(kind: RegistryKind, id: string, { asOf }: ReadOptions = {}): ModelServiceError {
  const noun = kind.toLowerCase()
  const lack =
    asOf === undefined
      ? `No ${noun} ${JSON.stringify(id)} is registered. Register it first, or correct the id: list the ${noun}s.`
      : `No ${noun} ${JSON.stringify(id)} was registered ${momentText(asOf)}. Its history says when it was.`
  return new ModelServiceError(missingCodes[kind], lack)
}

/** A moment as a part of a sentence. */
function momentText(asOf: RegistryMoment): string {
  return 'version' in asOf ? `at version ${asOf.version}` : `at ${new Date(asOf.time).toISOString()}`
}
