import type { ModelDefinition, ProviderDefinition, RouteDefinition } from '../contract/types.ts'
import type { RegistryChange, RegistryEntities, RegistrySnapshot } from '../model-service/ports/registry.ts'

/** What a snapshot is made of. */
export interface SnapshotContent {
  /** Registry-wide version of the last change that it holds; 0 before the first. */
  version: number
  models: readonly ModelDefinition[]
  providers: readonly ProviderDefinition[]
  routes: readonly RouteDefinition[]
  /** Ids that a model or route had and nothing has now. */
  deletedIds: Iterable<string>
}

/** A snapshot with its look-ups by id. */
export function buildSnapshot(content: SnapshotContent): RegistrySnapshot {
  const models = new Map(content.models.map((definition) => [definition.id, definition]))
  const providers = new Map(content.providers.map((definition) => [definition.id, definition]))
  const routes = new Map(content.routes.map((definition) => [definition.id, definition]))
  const deletedIds = new Set(content.deletedIds)
  return {
    version: content.version,
    model: (id) => models.get(id),
    provider: (id) => providers.get(id),
    route: (id) => routes.get(id),
    isDeleted: (id) => deletedIds.has(id),
  }
}

/** The content after an entity was registered or updated, which made this version. */
export function contentAfter(
  content: SnapshotContent,
  {
    kind,
    id,
    definition,
  }: Pick<RegistryChange, 'kind' | 'id'> & { definition: RegistryEntities[RegistryChange['kind']] },
  version: number,
): SnapshotContent {
  const put = <T extends { id: string }>(list: readonly T[]): T[] =>
    // The kind of a change and that of its definition are the same, which its type does not say.
    [...list.filter((each) => each.id !== id), structuredClone(definition) as unknown as T]
  const deletedIds = kind === 'PROVIDER' ? content.deletedIds : [...content.deletedIds].filter((each) => each !== id)
  const after = { ...content, version, deletedIds }
  switch (kind) {
    case 'MODEL':
      return { ...after, models: put(content.models) }
    case 'PROVIDER':
      return { ...after, providers: put(content.providers) }
    case 'ROUTE':
      return { ...after, routes: put(content.routes) }
    default:
      return kind satisfies never
  }
}
