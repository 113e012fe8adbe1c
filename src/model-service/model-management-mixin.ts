import { randomUUID } from 'node:crypto'
import { completeDraft } from '../codec/contract-type.ts'
import { commandDigest } from '../codec/payload-hash.ts'
import type {
  CommandResult,
  LimitsDraft,
  ModelCommandDraft,
  ModelDefinition,
  ModelDefinitionDraft,
  ModelStatus,
  ProviderDefinition,
  ProviderDefinitionDraft,
  RouteDefinition,
  RouteDefinitionDraft,
} from '../contract/types.ts'
import {
  answerCommand,
  type CommandRun,
  carryOutCommand,
  type ManagementCommand,
  refusalOf,
  reportResult,
  subjectOf,
} from './carry-out-command.ts'
import { missingEntity } from './missing-entity.ts'
import type { AbstractConstructor } from './mixin.ts'
import type { ModelServiceBase } from './model-service-base.ts'
import type { CommandEnvelope, CommandName } from './ports/command-bus.ts'
import type { ModelPage, ModelQuery, ReadOptions, RegistryEntities, RegistryKind, Stored } from './ports/registry.ts'

/** How a change is made. */
export interface ChangeOptions {
  /** The same id is carried out once; a random one by default. */
  commandId?: string
  /** Who makes it, for the record. */
  actor?: string
}

/** A change of something that exists. */
export interface VersionedChangeOptions extends ChangeOptions {
  /** Refused with VERSION_CONFLICT when the last change is another version; without it the newest state is changed. */
  expectedVersion?: number
}

/**
 * Manages the registry. Changes resolve with APPLIED or UNCHANGED; refusals reject with a ModelServiceError whose message
 * names the field (INVALID_REQUEST, PROVIDER_UNKNOWN, …_ALREADY_EXISTS, …_NOT_FOUND, VERSION_CONFLICT, COMMAND_ID_REUSED).
 * `fields` of an update are the names of the definition's fields to take over; the others stay. Everything can be read `asOf` a
 * version of the registry or a time; one that lies in the future, or before the first change, is INVALID_REQUEST.
 */
export interface ModelManagement {
  registerModel(model: ModelDefinitionDraft, options?: ChangeOptions): Promise<CommandResult>
  /** @throws MODEL_NOT_FOUND */
  readModel(id: string, options?: ReadOptions): Promise<Stored<ModelDefinition>>
  /** One page, ordered by id. @throws INVALID_REQUEST for a page that cannot be */
  listModels(query?: ModelQuery): Promise<ModelPage>
  updateModel(model: ModelDefinitionDraft, fields: string[], options?: VersionedChangeOptions): Promise<CommandResult>
  setModelStatus(id: string, status: ModelStatus, options?: ChangeOptions): Promise<CommandResult>
  deleteModel(id: string, options?: VersionedChangeOptions): Promise<CommandResult>
  registerProvider(provider: ProviderDefinitionDraft, options?: ChangeOptions): Promise<CommandResult>
  /** @throws PROVIDER_UNKNOWN */
  readProvider(id: string, options?: ReadOptions): Promise<Stored<ProviderDefinition>>
  /** All registered providers, ordered by id. */
  listProviders(options?: ReadOptions): Promise<Stored<ProviderDefinition>[]>
  updateProvider(
    provider: ProviderDefinitionDraft,
    fields: string[],
    options?: VersionedChangeOptions,
  ): Promise<CommandResult>
  /** Replaces all limits of a provider. */
  setLimits(provider: string, limits: LimitsDraft, options?: ChangeOptions): Promise<CommandResult>
  /** @throws PROVIDER_IN_USE while models refer to it */
  deleteProvider(id: string, options?: VersionedChangeOptions): Promise<CommandResult>
  registerRoute(route: RouteDefinitionDraft, options?: ChangeOptions): Promise<CommandResult>
  /** @throws ROUTE_NOT_FOUND */
  readRoute(id: string, options?: ReadOptions): Promise<Stored<RouteDefinition>>
  /** All registered routes, ordered by id. */
  listRoutes(options?: ReadOptions): Promise<Stored<RouteDefinition>[]>
  updateRoute(route: RouteDefinitionDraft, fields: string[], options?: VersionedChangeOptions): Promise<CommandResult>
  deleteRoute(id: string, options?: VersionedChangeOptions): Promise<CommandResult>
}

const handledCommands = [
  'RegisterModel',
  'UpdateModel',
  'DeleteModel',
  'SetModelStatus',
  'RegisterProvider',
  'UpdateProvider',
  'DeleteProvider',
  'SetLimits',
  'RegisterRoute',
  'UpdateRoute',
  'DeleteRoute',
] as const satisfies readonly CommandName[]

/** Adds {@link ModelManagement}, and carries out commands of the command bus once the service is started. */
export function ModelManagementMixin<TBase extends AbstractConstructor<ModelServiceBase>>(
  Base: TBase,
): TBase & AbstractConstructor<ModelManagement> {
  abstract class WithModelManagement extends Base implements ModelManagement {
    protected override onStart(): void {
      super.onStart()
      for (const name of handledCommands) {
        this.deps.commandBus.handle(name, (body, envelope) => this.#carryOut(body, envelope, name))
      }
    }

    registerModel(model: ModelDefinitionDraft, options?: ChangeOptions): Promise<CommandResult> {
      return this.#change('registerModel', { type: 'RegisterModel', model }, options)
    }

    readModel(id: string, options?: ReadOptions): Promise<Stored<ModelDefinition>> {
      return this.#read('readModel', 'MODEL', id, options)
    }

    listModels(query: ModelQuery = {}): Promise<ModelPage> {
      const report = (page: ModelPage) => ({ totalCount: page.totalCount })
      return this.track({ name: 'listModels', fields: {}, report }, () => this.deps.db.registry.listModels(query))
    }

    updateModel(
      model: ModelDefinitionDraft,
      fields: string[],
      options?: VersionedChangeOptions,
    ): Promise<CommandResult> {
      return this.#change('updateModel', { type: 'UpdateModel', model, fields, ...versionOf(options) }, options)
    }

    setModelStatus(id: string, status: ModelStatus, options?: ChangeOptions): Promise<CommandResult> {
      return this.#change('setModelStatus', { type: 'SetModelStatus', id, status }, options)
    }

    deleteModel(id: string, options?: VersionedChangeOptions): Promise<CommandResult> {
      return this.#change('deleteModel', { type: 'DeleteModel', id, ...versionOf(options) }, options)
    }

    registerProvider(provider: ProviderDefinitionDraft, options?: ChangeOptions): Promise<CommandResult> {
      return this.#change('registerProvider', { type: 'RegisterProvider', provider }, options)
    }

    readProvider(id: string, options?: ReadOptions): Promise<Stored<ProviderDefinition>> {
      return this.#read('readProvider', 'PROVIDER', id, options)
    }

    listProviders(options: ReadOptions = {}): Promise<Stored<ProviderDefinition>[]> {
      const report = ({ length }: Stored<ProviderDefinition>[]) => ({ totalCount: length })
      return this.track({ name: 'listProviders', fields: {}, report }, () =>
        this.deps.db.registry.listProviders(options),
      )
    }

    updateProvider(
      provider: ProviderDefinitionDraft,
      fields: string[],
      options?: VersionedChangeOptions,
    ): Promise<CommandResult> {
      const command = { type: 'UpdateProvider' as const, provider, fields, ...versionOf(options) }
      return this.#change('updateProvider', command, options)
    }

    setLimits(provider: string, limits: LimitsDraft, options?: ChangeOptions): Promise<CommandResult> {
      return this.#change('setLimits', { type: 'SetLimits', provider, limits }, options)
    }

    deleteProvider(id: string, options?: VersionedChangeOptions): Promise<CommandResult> {
      return this.#change('deleteProvider', { type: 'DeleteProvider', id, ...versionOf(options) }, options)
    }

    registerRoute(route: RouteDefinitionDraft, options?: ChangeOptions): Promise<CommandResult> {
      return this.#change('registerRoute', { type: 'RegisterRoute', route }, options)
    }

    readRoute(id: string, options?: ReadOptions): Promise<Stored<RouteDefinition>> {
      return this.#read('readRoute', 'ROUTE', id, options)
    }

    listRoutes(options: ReadOptions = {}): Promise<Stored<RouteDefinition>[]> {
      const report = ({ length }: Stored<RouteDefinition>[]) => ({ totalCount: length })
      return this.track({ name: 'listRoutes', fields: {}, report }, () => this.deps.db.registry.listRoutes(options))
    }

    updateRoute(
      route: RouteDefinitionDraft,
      fields: string[],
      options?: VersionedChangeOptions,
    ): Promise<CommandResult> {
      return this.#change('updateRoute', { type: 'UpdateRoute', route, fields, ...versionOf(options) }, options)
    }

    deleteRoute(id: string, options?: VersionedChangeOptions): Promise<CommandResult> {
      return this.#change('deleteRoute', { type: 'DeleteRoute', id, ...versionOf(options) }, options)
    }

    #read<TKind extends RegistryKind>(
      name: string,
      kind: TKind,
      id: string,
      options: ReadOptions = {},
    ): Promise<Stored<RegistryEntities[TKind]>> {
      return this.track({ name, fields: { id } }, async () => {
        const stored = await this.deps.db.registry.find(kind, id, options)
        if (stored === null) throw missingEntity(kind, id, options)
        return stored
      })
    }

    /** A change by a method is the same as by a command, but its refusal is thrown. */
    async #change(
      name: string,
      draft: Exclude<ModelCommandDraft['command'], { type: 'CancelRequest' | 'RecordFeedback' }>,
      { commandId = randomUUID(), actor }: ChangeOptions = {},
    ): Promise<CommandResult> {
      const command = completeDraft('ModelCommand', { commandId, actor: actor ?? null, command: draft })
      const envelope = { commandId, actor: command.actor, digest: commandDigest(command) }
      // Completing a draft keeps its type.
      const result = await this.#carryOut(command.command as ManagementCommand, envelope, name)
      if (result.status === 'REJECTED') throw refusalOf(result)
      return result
    }

    #carryOut(command: ManagementCommand, envelope: CommandEnvelope, name: string): Promise<CommandResult> {
      const subject = subjectOf(command)
      const { commandId, actor } = envelope
      const fields = { commandId, actor, kind: subject.kind, id: subject.id }
      return this.track({ name, fields, report: reportResult }, async () => {
        const { registry } = this.deps.db
        const providers = this.deps.providerFactory
        const run: CommandRun = { registry, providers, envelope, name: command.type, now: this.clock.now() }
        return answerCommand(run, subject, () => carryOutCommand(command, run))
      })
    }
  }
  return WithModelManagement
}

function versionOf(options: VersionedChangeOptions | undefined): { expectedVersion: number | null } {
  return { expectedVersion: options?.expectedVersion ?? null }
}
