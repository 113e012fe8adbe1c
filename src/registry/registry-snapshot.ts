import type { ModelDefinition, ProviderDefinition, RouteDefinition } from '../contract/types.ts'
import type { RegistrySnapshot } from '../model-service/ports/registry.ts'

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
