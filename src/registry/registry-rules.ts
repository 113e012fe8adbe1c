/** What every registry store decides alike, apart from how it stores. */
import type { CommandResult, ModelDefinition, RegistryEvent } from '../contract/types.ts'
import type { ErrorCode } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { missingEntity } from '../model-service/missing-entity.ts'
import type {
  ModelPage,
  ModelQuery,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
  RegistryMoment,
  Stored,
} from '../model-service/ports/registry.ts'

const existsCodes = {
  MODEL: 'MODEL_ALREADY_EXISTS',
  PROVIDER: 'PROVIDER_ALREADY_EXISTS',
  ROUTE: 'ROUTE_ALREADY_EXISTS',
} as const satisfies Record<RegistryKind, ErrorCode>

/**
 * Refuses a change that the present state does not allow.
 *
 * @throws MODEL_ALREADY_EXISTS, PROVIDER_ALREADY_EXISTS, ROUTE_ALREADY_EXISTS, MODEL_NOT_FOUND, PROVIDER_UNKNOWN,
 * ROUTE_NOT_FOUND, VERSION_CONFLICT, INVALID_REQUEST when the definition does not belong to the action or the id
 */
export function checkChange(change: RegistryChange, currentVersion: number | null): void {
  const { kind, action, id, definition, expectedVersion } = change
  const name = `${kind.toLowerCase()} ${id}`
  if ((action === 'DELETED') !== (definition === null) || (definition !== null && definition.id !== id)) {
    throw new ModelServiceError(
      'INVALID_REQUEST',
      `The change of ${name} needs a definition with that id, or none to delete it`,
    )
  }
  if (action === 'REGISTERED') {
    if (currentVersion === null) return
    throw new ModelServiceError(existsCodes[kind], `The ${name} is registered already. Update it, or choose another id`)
  }
  if (currentVersion === null) throw missingEntity(kind, id)
  if (expectedVersion !== null && expectedVersion !== currentVersion) {
    throw new ModelServiceError(
      'VERSION_CONFLICT',
      `The ${name} is at version ${currentVersion}, the change expected ${expectedVersion}. Read it again and repeat the change`,
    )
  }
}

/** @throws PROVIDER_IN_USE when models refer to the provider that is to be deleted */
export function checkProviderUnused(providerId: string, modelIds: readonly string[]): void {
  if (modelIds.length === 0) return
  const named = modelIds.slice(0, 5).join(', ') + (modelIds.length > 5 ? ', …' : '')
  throw new ModelServiceError(
    'PROVIDER_IN_USE',
    `The provider ${providerId} is used by ${named}. Delete or move those models first`,
  )
}

/** @throws COMMAND_ID_REUSED when the command that was carried out under this id had other content */
export function checkSameCommand(commandId: string, digest: string, earlierDigest: string): void {
  if (digest === earlierDigest) return
  throw new ModelServiceError(
    'COMMAND_ID_REUSED',
    `The command id ${commandId} was used before for another command. Send this one under a new id`,
  )
}

/** The event that tells of a change. */
export function toRegistryEvent(change: RegistryChange, version: number, occurredAt: number): RegistryEvent {
  const { kind, action, id, command } = change
  return {
    kind,
    action,
    id,
    version,
    model: stateOf('MODEL', change),
    provider: stateOf('PROVIDER', change),
    route: stateOf('ROUTE', change),
    commandId: command.commandId,
    actor: command.actor,
    occurredAt,
  }
}

/** The result of the command that caused a change. */
export function toCommandResult(change: RegistryChange, version: number, occurredAt: number): CommandResult {
  return {
    commandId: change.command.commandId,
    command: change.command.name,
    status: 'APPLIED',
    entityKind: change.kind,
    entityId: change.id,
    version,
    error: null,
    occurredAt,
  }
}

/** The definition of a change, when it is of that kind. */
export function stateOf<TKind extends RegistryKind>(
  kind: TKind,
  change: RegistryChange,
): RegistryEntities[TKind] | null {
  return change.kind === kind ? (change.definition as RegistryEntities[TKind] | null) : null
}

/**
 * The page that a query asks for, with its defaults.
 *
 * @throws INVALID_REQUEST when page or page size are out of range
 */
export function pageOf(query: ModelQuery): { page: number; pageSize: number; skip: number } {
  const { page = 1, pageSize = 50 } = query
  if (!Number.isSafeInteger(page) || page < 1 || page > 1_000_000) {
    throw new ModelServiceError('INVALID_REQUEST', `page must be a whole number from 1 to 1000000, not ${page}`)
  }
  if (!Number.isSafeInteger(pageSize) || pageSize < 1 || pageSize > 200) {
    throw new ModelServiceError('INVALID_REQUEST', `pageSize must be a whole number from 1 to 200, not ${pageSize}`)
  }
  return { page, pageSize, skip: (page - 1) * pageSize }
}

/** The page of a query from all models, ordered by id. @throws INVALID_REQUEST as {@link pageOf} */
export function pageOfModels(models: readonly Stored<ModelDefinition>[], query: ModelQuery): ModelPage {
  const { page, pageSize, skip } = pageOf(query)
  const fitting = models.filter((model) => matchesQuery(model, query))
  return { models: fitting.slice(skip, skip + pageSize), page, pageSize, totalCount: fitting.length }
}

/** Whether a model fits a query; the database decides the same in SQL. */
function matchesQuery({ definition }: Stored<ModelDefinition>, query: ModelQuery): boolean {
  const { provider, capability, taskType, status, search } = query
  if (provider !== undefined && definition.provider !== provider) return false
  if (capability !== undefined && !definition.capabilities.includes(capability)) return false
  if (taskType !== undefined && !definition.taskTypes.includes(taskType)) return false
  if (status !== undefined && definition.status !== status) return false
  if (search === undefined) return true
  const texts = [definition.id, definition.displayName, definition.description]
  return texts.some((text) => text?.toLowerCase().includes(search.toLowerCase()) === true)
}

/** What the registry remembers of its own past. */
export interface RememberedPast {
  /** Versions of the first and the last change. */
  oldest: number
  newest: number
  /** Unix time in ms of the first change. */
  since: number
  /** Version of the last change at or before the time that was asked for; null when there is none. */
  newestAtTime: number | null
}

/**
 * The version whose state a moment means: the last change that had happened by then.
 * @throws INVALID_REQUEST when the registry did not exist then, or when it lies in the future; `now` is Unix time in ms
 */
export function versionAt(asOf: RegistryMoment, past: RememberedPast | null, now: number): number {
  if ('version' in asOf ? !isCount(asOf.version) : !isCount(asOf.time)) {
    throw new ModelServiceError('INVALID_REQUEST', 'asOf must be a registry version, or a time in whole Unix ms.')
  }
  if ('time' in asOf && asOf.time > now) {
    const times = `${new Date(asOf.time).toISOString()} lies in the future; it is ${new Date(now).toISOString()}`
    throw new ModelServiceError('INVALID_REQUEST', `asOf ${times}. Leave it out to read the present.`)
  }
  if (past === null) {
    throw new ModelServiceError(
      'INVALID_REQUEST',
      'asOf names a past state, and the registry has none: nothing was registered yet.',
    )
  }
  const { oldest, newest, since, newestAtTime } = past
  const begins = `The registry begins with version ${oldest}, at ${new Date(since).toISOString()}.`
  if ('version' in asOf) {
    if (asOf.version >= oldest && asOf.version <= newest) return asOf.version
    throw new ModelServiceError(
      'INVALID_REQUEST',
      `asOf names version ${asOf.version}, expected ${oldest} to ${newest}. ${begins}`,
    )
  }
  if (newestAtTime !== null) return newestAtTime
  throw new ModelServiceError(
    'INVALID_REQUEST',
    `asOf ${new Date(asOf.time).toISOString()} lies before the first change. ${begins}`,
  )
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= maxTimeMs
}

/** The latest time that a Date can hold. */
const maxTimeMs = 8_640_000_000_000_000
