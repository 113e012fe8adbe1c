/** Carries out registry commands: reads, merges, validates, commits. One function for commands, the command line and library calls. */
import { isDeepStrictEqual } from 'node:util'
import { isId } from '../contract/limits.ts'
import type { CommandResult, ModelCommand } from '../contract/types.ts'
import { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { requireId } from './field-rules.ts'
import { mergeDefinition } from './merge-definition.ts'
import { missingEntity } from './missing-entity.ts'
import type { LogFields } from './model-service-base.ts'
import type { CommandEnvelope } from './ports/command-bus.ts'
import type { ProviderFactory } from './ports/provider-factory.ts'
import type { Registry, RegistryChange, RegistryEntities, RegistryKind } from './ports/registry.ts'
import { type DefinitionView, definitionRules } from './validate-definition.ts'

/** What a command is carried out with. */
export interface CommandRun {
  registry: Registry
  providers: ProviderFactory
  envelope: CommandEnvelope
  /** Name of the command. */
  name: string
  /** Unix time in ms. */
  now: number
}

/** The registry entity that a command is about; `kind` is UNSPECIFIED for commands about requests. */
export interface CommandSubject {
  kind: CommandResult['entityKind']
  id: string
}

/** A command that ModelManagementMixin carries out; those about requests are CancellationMixin's and PerformanceMixin's. */
export type ManagementCommand = Exclude<ModelCommand['command'], { type: 'CancelRequest' | 'RecordFeedback' }>

/** How often an update without `expectedVersion` is repeated on the newest state. */
const updateTries = 5

/** What the command is about. */
export function subjectOf(command: ModelCommand['command']): CommandSubject {
  switch (command.type) {
    case 'RegisterModel':
    case 'UpdateModel':
      return { kind: 'MODEL', id: command.model.id }
    case 'DeleteModel':
    case 'SetModelStatus':
      return { kind: 'MODEL', id: command.id }
    case 'RegisterProvider':
    case 'UpdateProvider':
      return { kind: 'PROVIDER', id: command.provider.id }
    case 'DeleteProvider':
      return { kind: 'PROVIDER', id: command.id }
    case 'SetLimits':
      return { kind: 'PROVIDER', id: command.provider }
    case 'RegisterRoute':
    case 'UpdateRoute':
      return { kind: 'ROUTE', id: command.route.id }
    case 'DeleteRoute':
      return { kind: 'ROUTE', id: command.id }
    case 'RecordFeedback':
    case 'CancelRequest':
      return { kind: 'UNSPECIFIED', id: command.requestId }
    default:
      return command satisfies never
  }
}

/**
 * Carries out a command; APPLIED, UNCHANGED, or what the registry remembers of an earlier command of this id.
 * @throws INVALID_REQUEST, PROVIDER_UNKNOWN and what {@link Registry.commit} throws, for refusals
 * @throws DATABASE_UNAVAILABLE
 */
export async function carryOutCommand(command: ManagementCommand, run: CommandRun): Promise<CommandResult> {
  switch (command.type) {
    case 'RegisterModel':
      return register('MODEL', command.model, run)
    case 'RegisterProvider':
      return register('PROVIDER', command.provider, run)
    case 'RegisterRoute':
      return register('ROUTE', command.route, run)
    case 'UpdateModel':
      return update('MODEL', command.model.id, command, run, (stored) =>
        mergeDefinition(stored, command.model, command.fields),
      )
    case 'UpdateProvider':
      return update('PROVIDER', command.provider.id, command, run, (stored) =>
        mergeDefinition(stored, command.provider, command.fields),
      )
    case 'UpdateRoute':
      return update('ROUTE', command.route.id, command, run, (stored) =>
        mergeDefinition(stored, command.route, command.fields),
      )
    case 'SetModelStatus':
      return update('MODEL', command.id, {}, run, (stored) => ({ ...stored, status: command.status }))
    case 'SetLimits':
      return update('PROVIDER', command.provider, {}, run, (stored) => ({ ...stored, limits: command.limits }))
    case 'DeleteModel':
      return remove('MODEL', command, run)
    case 'DeleteProvider':
      return remove('PROVIDER', command, run)
    case 'DeleteRoute':
      return remove('ROUTE', command, run)
    default:
      return command satisfies never
  }
}

/**
 * Runs what a command does. Its refusals become its result, remembered and announced like any other; what is away is thrown, so
 * that the command comes again.
 * @throws DATABASE_UNAVAILABLE, as other retryable errors
 */
export async function answerCommand(
  run: CommandRun,
  subject: CommandSubject,
  carryOut: () => Promise<CommandResult>,
): Promise<CommandResult> {
  try {
    return await carryOut()
  } catch (thrown) {
    const error = ModelServiceError.from(thrown)
    // A defect would meet the same command again and again, so it is a refusal too.
    if (error.retryable && error.code !== 'INTERNAL_ERROR') throw error
    const result = unappliedResult('REJECTED', run, subject, { error })
    return run.registry.recordResult(result, run.envelope.digest, run.envelope.headers)
  }
}

/** The error that a refusal tells of, for those who called a method and not through the bus. */
export function refusalOf({ error }: CommandResult): ModelServiceError {
  const code = error?.code ?? 'INTERNAL_ERROR'
  return new ModelServiceError(isErrorCode(code) ? code : 'INTERNAL_ERROR', error?.message ?? 'The change was refused.')
}

/** What a log line says of a command's result. */
export function reportResult({ status, version, error }: CommandResult): LogFields {
  return { status, version, ...(error === null ? {} : { code: error.code }) }
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code)
}

/** The result of a command that changed nothing. */
export function unappliedResult(
  status: 'UNCHANGED' | 'REJECTED',
  run: Pick<CommandRun, 'envelope' | 'name' | 'now'>,
  subject: CommandSubject,
  rest: { version?: number; error?: ModelServiceError } = {},
): CommandResult {
  return {
    commandId: run.envelope.commandId,
    command: run.name,
    status,
    entityKind: subject.kind,
    // An answer must be storable, and no larger for a name that is none.
    entityId: isId(subject.id) ? subject.id : null,
    version: rest.version ?? null,
    error: rest.error?.toDetail() ?? null,
    occurredAt: run.now,
  }
}

async function register<TKind extends RegistryKind>(
  kind: TKind,
  definition: RegistryEntities[TKind],
  run: CommandRun,
): Promise<CommandResult> {
  requireId(`${kind.toLowerCase()}.id`, definition.id)
  return commit({ ...changeTo(kind, definition, run), action: 'REGISTERED', expectedVersion: null }, run)
}

async function update<TKind extends RegistryKind>(
  kind: TKind,
  id: string,
  { expectedVersion = null }: { expectedVersion?: number | null },
  run: CommandRun,
  merge: (stored: RegistryEntities[TKind]) => RegistryEntities[TKind],
): Promise<CommandResult> {
  requireId('id', id)
  for (let tries = 1; ; tries += 1) {
    const stored = await run.registry.find(kind, id)
    if (stored === null) throw missingEntity(kind, id)
    const change = changeTo(kind, merge(stored.definition), run)
    const isCurrent = expectedVersion === null || expectedVersion === stored.version
    if (isCurrent && isSame(change.definition, stored.definition)) {
      // What was registered a moment ago, perhaps at another worker, must be known here.
      change.check(await run.registry.snapshot({ fresh: true }))
      const result = unappliedResult('UNCHANGED', run, { kind, id }, { version: stored.version })
      return run.registry.recordResult(result, run.envelope.digest, run.envelope.headers)
    }
    try {
      const version = expectedVersion ?? stored.version
      return await commit({ ...change, action: 'UPDATED', expectedVersion: version }, run)
    } catch (error) {
      const isConflict = error instanceof ModelServiceError && error.code === 'VERSION_CONFLICT'
      if (!isConflict || expectedVersion !== null || tries >= updateTries) throw error
    }
  }
}

/** Decoded records have a class of their own, stored ones are plain: only their fields count. */
function isSame(left: object, right: object): boolean {
  return isDeepStrictEqual(structuredClone(left), structuredClone(right))
}

async function remove(
  kind: RegistryKind,
  { id, expectedVersion }: { id: string; expectedVersion: number | null },
  run: CommandRun,
): Promise<CommandResult> {
  requireId('id', id)
  return commit({ kind, action: 'DELETED', id, definition: null, expectedVersion }, run)
}

/** A change to a definition, which is held against the rules in the moment in which it is made: what it refers to may go. */
function changeTo<TKind extends RegistryKind>(
  kind: TKind,
  definition: RegistryEntities[TKind],
  { providers }: CommandRun,
) {
  const check = (registry: DefinitionView['registry']) => definitionRules[kind](definition, { registry, providers })
  return { kind, id: definition.id, definition, check }
}

function commit(change: Omit<RegistryChange, 'command'>, { registry, envelope, name }: CommandRun) {
  return registry.commit({ ...change, command: { ...envelope, name } })
}
