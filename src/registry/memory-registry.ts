import type { CommandResult, ProviderDefinition, RegistryEvent, RouteDefinition } from '../contract/types.ts'
import type {
  ModelPage,
  ModelQuery,
  Registry,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
  RegistrySnapshot,
  Stored,
} from '../model-service/ports.ts'
import {
  checkChange,
  checkProviderUnused,
  checkSameCommand,
  matchesQuery,
  pageOf,
  stateOf,
  toCommandResult,
  toRegistryEvent,
} from './registry-rules.ts'
import { buildSnapshot } from './registry-snapshot.ts'

/** What {@link MemoryRegistry} may be given. */
export interface MemoryRegistryOptions {
  /** Unix time in ms; default `Date.now`. */
  now?: () => number
  /** Hears every change, in order. */
  onRegistryEvent?: (event: RegistryEvent) => void
  /** Hears every result, in order; of a repeated command again. */
  onCommandResult?: (result: CommandResult) => void
}

type StoredById = { [TKind in RegistryKind]: Map<string, Stored<RegistryEntities[TKind]>> }

/**
 * A registry that lives and dies with the process, for use as a library and in tests. It behaves as the one in PostgreSQL
 * does; one test suite runs on both.
 *
 * @example
 * const registry = new MemoryRegistry()
 * await registry.commit({ kind: 'MODEL', action: 'REGISTERED', id: model.id, definition: model, expectedVersion: null, command })
 */
export class MemoryRegistry implements Registry {
  private readonly options: MemoryRegistryOptions
  private readonly stored: StoredById = { MODEL: new Map(), PROVIDER: new Map(), ROUTE: new Map() }
  private readonly commands = new Map<string, { digest: string; result: CommandResult }>()
  private readonly deletedIds = new Set<string>()
  private version = 0
  private current: RegistrySnapshot | undefined

  constructor(options: MemoryRegistryOptions = {}) {
    this.options = options
  }

  async snapshot(): Promise<RegistrySnapshot> {
    this.current ??= buildSnapshot({
      version: this.version,
      models: this.list('MODEL').map(({ definition }) => definition),
      providers: this.list('PROVIDER').map(({ definition }) => definition),
      routes: this.list('ROUTE').map(({ definition }) => definition),
      deletedIds: [...this.deletedIds].filter((id) => !this.stored.MODEL.has(id) && !this.stored.ROUTE.has(id)),
    })
    return this.current
  }

  async find<TKind extends RegistryKind>(kind: TKind, id: string): Promise<Stored<RegistryEntities[TKind]> | null> {
    return structuredClone(this.stored[kind].get(id) ?? null)
  }

  async listModels(query: ModelQuery): Promise<ModelPage> {
    const { page, pageSize, skip } = pageOf(query)
    const fitting = this.list('MODEL').filter((model) => matchesQuery(model, query))
    return { models: fitting.slice(skip, skip + pageSize), page, pageSize, totalCount: fitting.length }
  }

  async listProviders(): Promise<Stored<ProviderDefinition>[]> {
    return this.list('PROVIDER')
  }

  async listRoutes(): Promise<Stored<RouteDefinition>[]> {
    return this.list('ROUTE')
  }

  async commit(change: RegistryChange): Promise<CommandResult> {
    const { kind, id, command } = change
    const earlier = this.earlierResult(command.commandId, command.digest)
    if (earlier !== null) return earlier
    const current = this.stored[kind].get(id)
    checkChange(change, current?.version ?? null)
    if (kind === 'PROVIDER' && change.action === 'DELETED') {
      const models = this.list('MODEL').filter(({ definition }) => definition.provider === id)
      checkProviderUnused(
        id,
        models.map(({ definition }) => definition.id),
      )
    }

    const occurredAt = (this.options.now ?? Date.now)()
    const version = ++this.version
    this.current = undefined
    const dates = { version, createdAt: current?.createdAt ?? occurredAt, updatedAt: occurredAt }
    if (change.action === 'DELETED') {
      this.stored[kind].delete(id)
      if (kind !== 'PROVIDER') this.deletedIds.add(id)
    } else {
      this.put('MODEL', stateOf('MODEL', change), dates)
      this.put('PROVIDER', stateOf('PROVIDER', change), dates)
      this.put('ROUTE', stateOf('ROUTE', change), dates)
    }
    this.options.onRegistryEvent?.(structuredClone(toRegistryEvent(change, version, occurredAt)))
    return this.remember(toCommandResult(change, version, occurredAt), command.digest)
  }

  async recordResult(result: CommandResult, digest: string): Promise<CommandResult> {
    if (result.error?.code === 'COMMAND_ID_REUSED') {
      this.options.onCommandResult?.(structuredClone(result))
      return result
    }
    return this.earlierResult(result.commandId, digest) ?? this.remember(result, digest)
  }

  private earlierResult(commandId: string, digest: string): CommandResult | null {
    const earlier = this.commands.get(commandId)
    if (earlier === undefined) return null
    checkSameCommand(commandId, digest, earlier.digest)
    this.options.onCommandResult?.(structuredClone(earlier.result))
    return structuredClone(earlier.result)
  }

  private remember(result: CommandResult, digest: string): CommandResult {
    this.commands.set(result.commandId, { digest, result: structuredClone(result) })
    this.options.onCommandResult?.(structuredClone(result))
    return result
  }

  private put<TKind extends RegistryKind>(
    kind: TKind,
    definition: RegistryEntities[TKind] | null,
    dates: Omit<Stored<unknown>, 'definition'>,
  ): void {
    if (definition !== null) this.stored[kind].set(definition.id, { definition: structuredClone(definition), ...dates })
  }

  private list<TKind extends RegistryKind>(kind: TKind): Stored<RegistryEntities[TKind]>[] {
    return structuredClone([...this.stored[kind].values()]).sort((left, right) =>
      left.definition.id < right.definition.id ? -1 : 1,
    )
  }
}
