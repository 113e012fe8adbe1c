import type { CommandResult, ProviderDefinition, RegistryEvent, RouteDefinition } from '../contract/types.ts'
import type {
  ModelPage,
  ModelQuery,
  ReadOptions,
  Registry,
  RegistryChange,
  RegistryEntities,
  RegistryKind,
  RegistryMoment,
  RegistryRevision,
  RegistrySnapshot,
  RegistryState,
  Stored,
} from '../model-service/ports/registry.ts'
import {
  checkChange,
  checkProviderUnused,
  checkSameCommand,
  pageOfModels,
  toCommandResult,
  toRegistryEvent,
  versionAt,
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
  private readonly revisions: (RegistryRevision & { kind: RegistryKind; id: string })[] = []
  private version = 0
  private current: RegistrySnapshot | undefined

  constructor(options: MemoryRegistryOptions = {}) {
    this.options = options
  }

  async snapshot(): Promise<RegistrySnapshot> {
    return this.present()
  }

  private present(): RegistrySnapshot {
    this.current ??= buildSnapshot({
      version: this.version,
      models: this.list('MODEL').map(({ definition }) => definition),
      providers: this.list('PROVIDER').map(({ definition }) => definition),
      routes: this.list('ROUTE').map(({ definition }) => definition),
      deletedIds: [...this.deletedIds].filter((id) => !this.stored.MODEL.has(id) && !this.stored.ROUTE.has(id)),
    })
    return this.current
  }

  async find<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    { asOf }: ReadOptions = {},
  ): Promise<Stored<RegistryEntities[TKind]> | null> {
    return structuredClone(this.storedAt(asOf)[kind].get(id) ?? null)
  }

  async listModels(query: ModelQuery): Promise<ModelPage> {
    return pageOfModels(this.list('MODEL', query), query)
  }

  async listProviders(options: ReadOptions = {}): Promise<Stored<ProviderDefinition>[]> {
    return this.list('PROVIDER', options)
  }

  async listRoutes(options: ReadOptions = {}): Promise<Stored<RouteDefinition>[]> {
    return this.list('ROUTE', options)
  }

  async state({ asOf }: ReadOptions = {}): Promise<RegistryState> {
    const version = asOf === undefined ? this.version : this.versionAt(asOf)
    const options = asOf === undefined ? {} : { asOf }
    return {
      version,
      models: this.list('MODEL', options),
      providers: this.list('PROVIDER', options),
      routes: this.list('ROUTE', options),
    }
  }

  async history<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    limit: number,
  ): Promise<RegistryRevision<TKind>[]> {
    const own = this.revisions.filter((revision) => revision.kind === kind && revision.id === id)
    return own
      .reverse()
      .slice(0, limit)
      .map(({ kind: _kind, id: _id, ...revision }) => structuredClone(revision) as RegistryRevision<TKind>)
  }

  async commit(change: RegistryChange): Promise<CommandResult> {
    const { kind, id, command } = change
    const earlier = this.earlierResult(command.commandId, command.digest)
    if (earlier !== null) return earlier
    const current = this.stored[kind].get(id)
    checkChange(change, current?.version ?? null)
    change.check?.(this.present())
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
    if (change.action === 'DELETED' && kind !== 'PROVIDER') this.deletedIds.add(id)
    putState(this.stored, change, dates)
    this.revisions.push({
      ...{ kind, id, version, action: change.action, definition: structuredClone(change.definition) },
      ...{ commandId: command.commandId, actor: command.actor, changedAt: occurredAt },
    })
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

  private list<TKind extends RegistryKind>(kind: TKind, { asOf }: ReadOptions = {}): Stored<RegistryEntities[TKind]>[] {
    return structuredClone([...this.storedAt(asOf)[kind].values()]).sort((left, right) =>
      left.definition.id < right.definition.id ? -1 : 1,
    )
  }

  /** The present, or the past carried out once more. */
  private storedAt(asOf: RegistryMoment | undefined): StoredById {
    if (asOf === undefined) return this.stored
    const last = this.versionAt(asOf)
    const then: StoredById = { MODEL: new Map(), PROVIDER: new Map(), ROUTE: new Map() }
    for (const revision of this.revisions) {
      const { kind, id, version, changedAt } = revision
      if (version > last) break
      const createdAt = then[kind].get(id)?.createdAt ?? changedAt
      putState(then, revision, { version, createdAt, updatedAt: changedAt })
    }
    return then
  }

  private versionAt(asOf: RegistryMoment): number {
    const [first] = this.revisions
    const atTime =
      'time' in asOf ? this.revisions.findLast(({ changedAt }) => changedAt <= asOf.time)?.version : undefined
    const past =
      first === undefined
        ? null
        : { oldest: first.version, newest: this.version, since: first.changedAt, newestAtTime: atTime ?? null }
    return versionAt(asOf, past, (this.options.now ?? Date.now)())
  }
}

/** Stores the state after a change, or forgets the entity when there is none. */
function putState(
  stored: StoredById,
  change: Pick<RegistryChange, 'kind' | 'id' | 'definition'>,
  dates: Omit<Stored<unknown>, 'definition'>,
): void {
  const { kind, id, definition } = change
  // The kind of a change and that of its definition are the same, which its type does not say.
  const entities: Map<string, Stored<unknown>> = stored[kind]
  if (definition === null) entities.delete(id)
  else entities.set(id, { definition: structuredClone(definition), ...dates })
}
