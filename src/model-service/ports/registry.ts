import type {
  CommandResult,
  EntityKind,
  ModelDefinition,
  ModelStatus,
  ProviderDefinition,
  RegistryAction,
  RequestType,
  RouteDefinition,
} from '../../contract/types.ts'
import type { CommandEnvelope } from './command-bus.ts'

/** The definition that belongs to each kind of registry entity. */
export interface RegistryEntities {
  MODEL: ModelDefinition
  PROVIDER: ProviderDefinition
  ROUTE: RouteDefinition
}

/** A kind of registry entity. */
export type RegistryKind = Exclude<EntityKind, 'UNSPECIFIED'> & keyof RegistryEntities

/** A registry entity with its history. */
export interface Stored<TDefinition> {
  definition: TDefinition
  /** Registry-wide version of its last change. */
  version: number
  /** Unix time in ms. */
  createdAt: number
  /** Unix time in ms. */
  updatedAt: number
}

/** A consistent view of the registry as of one version; look-ups are synchronous and cheap. */
export interface RegistrySnapshot {
  version: number
  model(id: string): ModelDefinition | undefined
  provider(id: string): ProviderDefinition | undefined
  route(id: string): RouteDefinition | undefined
  /**
   * Whether a model or route of this id was registered once and is deleted now: then its name is not taken for a
   * provider's own model. A registry that does not remember may leave this out.
   */
  isDeleted?(id: string): boolean
}

/** A past state of the registry: as a change left it, or as it was at a Unix time in ms. */
export type RegistryMoment = { version: number } | { time: number }

/** How something is read. */
export interface ReadOptions {
  /** As it was then; by default as it is now. */
  asOf?: RegistryMoment
}

/** The whole registry as of one version; each list ordered by id. */
export interface RegistryState {
  /** Registry-wide version of the last change in it; 0 before the first. */
  version: number
  models: Stored<ModelDefinition>[]
  providers: Stored<ProviderDefinition>[]
  routes: Stored<RouteDefinition>[]
}

/** One change of an entity, as the registry remembers it for good. */
export interface RegistryRevision<TKind extends RegistryKind = RegistryKind> {
  /** Registry-wide version of the change. */
  version: number
  action: Exclude<RegistryAction, 'UNSPECIFIED'>
  /** Full state after it; null when deleted. */
  definition: RegistryEntities[TKind] | null
  /** The command that caused it. */
  commandId: string | null
  /** Who gave the command. */
  actor: string | null
  /** Unix time in ms. */
  changedAt: number
}

/** Which models to list, and which page of them. */
export interface ModelQuery extends ReadOptions {
  /** Counts from 1; default 1. */
  page?: number
  /** 1 to 200; default 50. */
  pageSize?: number
  provider?: string
  capability?: RequestType
  /** Only those that are meant for this kind of task. */
  taskType?: string
  status?: ModelStatus
  /** Part of id, display name or description, in any case. */
  search?: string
}

/** One page, ordered by id. */
export interface ModelPage {
  models: Stored<ModelDefinition>[]
  page: number
  pageSize: number
  /** Models that fit the query, over all pages. */
  totalCount: number
}

/** One change of one entity, with the command that caused it. */
export interface RegistryChange<TKind extends RegistryKind = RegistryKind> {
  kind: TKind
  action: Exclude<RegistryAction, 'UNSPECIFIED'>
  id: string
  /** Full state after the change; null when deleted. */
  definition: RegistryEntities[TKind] | null
  /** The entity's version that the change builds on; null when it does not matter. */
  expectedVersion: number | null
  command: CommandEnvelope & { name: string }
  /**
   * Holds the change against the registry as it is in the very moment of the change, when nothing else can change; what it throws
   * refuses the change.
   */
  check?(registry: Pick<RegistrySnapshot, 'model' | 'provider' | 'route'>): void
}

/**
 * The registry's store. What reads a past moment throws INVALID_REQUEST when the registry did not exist then, or when it lies
 * in the future.
 */
export interface Registry {
  /**
   * The newest view known to this process; at most about a second old, or not at all with `fresh`.
   * @throws DATABASE_UNAVAILABLE
   */
  snapshot(options?: { fresh?: boolean }): Promise<RegistrySnapshot>
  /** Reads one entity from the store itself. */
  find<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    options?: ReadOptions,
  ): Promise<Stored<RegistryEntities[TKind]> | null>
  listModels(query: ModelQuery): Promise<ModelPage>
  listProviders(options?: ReadOptions): Promise<Stored<ProviderDefinition>[]>
  listRoutes(options?: ReadOptions): Promise<Stored<RouteDefinition>[]>
  /** Everything at once, consistent. */
  state(options?: ReadOptions): Promise<RegistryState>
  /** The changes of one entity, the newest first, at most `limit` of them; empty when there never was one. */
  history<TKind extends RegistryKind>(kind: TKind, id: string, limit: number): Promise<RegistryRevision<TKind>[]>
  /**
   * Carries out a change in one transaction: entity, revision, RegistryEvent, CommandResult. A command id that was
   * carried out before changes nothing; the result of then is announced again and given back.
   * @throws MODEL_ALREADY_EXISTS, PROVIDER_ALREADY_EXISTS, ROUTE_ALREADY_EXISTS when REGISTERED meets an existing id
   * @throws MODEL_NOT_FOUND, PROVIDER_UNKNOWN, ROUTE_NOT_FOUND when UPDATED or DELETED meets none
   * @throws VERSION_CONFLICT, COMMAND_ID_REUSED, PROVIDER_IN_USE, DATABASE_UNAVAILABLE
   */
  commit(change: RegistryChange): Promise<CommandResult>
  /**
   * Remembers and announces the result of a command that changed nothing. A command id that was used before keeps its
   * earlier result, which is announced again and given back; the refusal COMMAND_ID_REUSED is announced and not remembered.
   * `headers` are those of the command's record, for the answer.
   */
  recordResult(result: CommandResult, digest: string, headers?: CommandEnvelope['headers']): Promise<CommandResult>
}
