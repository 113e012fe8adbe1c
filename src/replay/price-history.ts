/**
 * What prices the registry had when: models and providers as of any version of it, from their revisions. In memory, because it is
 * changed by people: thousands of revisions, not millions.
 */
import type { PriceOverride } from '../contract/types.ts'

/** A revision of a model, as far as prices need it. `state` null: deleted. */
export interface ModelRevision {
  version: number
  /** Unix ms. */
  at: number
  id: string
  state: { provider: string; providerModel: string | null; price: PriceOverride | null } | null
}

/** A revision of a provider, likewise. */
export interface ProviderRevision {
  version: number
  at: number
  id: string
  state: { kind: string; baseUrl: string | null } | null
}

/** A model as it was. */
export interface PricedModel {
  id: string
  price: PriceOverride | null
}

/** See the head of the file. */
export class PriceHistory {
  readonly #models = new Map<string, ModelRevision[]>()
  readonly #providers = new Map<string, ProviderRevision[]>()
  /** Ids of models by the provider and the name there that any revision of them had. */
  readonly #idsByTarget = new Map<string, Set<string>>()
  readonly #versions: { version: number; at: number }[] = []

  constructor(models: readonly ModelRevision[], providers: readonly ProviderRevision[]) {
    for (const revision of [...models].sort(byVersion)) {
      push(this.#models, revision)
      if (revision.state === null) continue
      const target = targetText(revision.state.provider, revision.state.providerModel ?? revision.id)
      this.#idsByTarget.set(target, (this.#idsByTarget.get(target) ?? new Set()).add(revision.id))
    }
    for (const revision of [...providers].sort(byVersion)) {
      push(this.#providers, revision)
    }
    this.#versions = [...models, ...providers].map(({ version, at }) => ({ version, at })).sort(byVersion)
  }

  /** Models that were served by this name at this provider, as of a version; by id. */
  models(provider: string, providerModel: string, version: number): PricedModel[] {
    return [...(this.#idsByTarget.get(targetText(provider, providerModel)) ?? [])].sort().flatMap((id) => {
      const state = asOf(this.#models.get(id), version)?.state ?? null
      const isServed = state !== null && state.provider === provider && (state.providerModel ?? id) === providerModel
      return isServed ? [{ id, price: state.price }] : []
    })
  }

  /** Kind and address of a provider as of a version; null when it was not registered. */
  provider(id: string, version: number): { kind: string; baseUrl: string | null } | null {
    return asOf(this.#providers.get(id), version)?.state ?? null
  }

  /** The newest version that it knows, as far as models and providers go; 0 when there is none. */
  get version(): number {
    return this.#versions.at(-1)?.version ?? 0
  }

  /** The version of the registry at a time (Unix ms), as far as models and providers go; 0 before the first. */
  versionAt(timeMs: number): number {
    return this.#versions.findLast(({ at }) => at <= timeMs)?.version ?? 0
  }
}

function push<T extends { id: string }>(revisions: Map<string, T[]>, revision: T): void {
  const earlier = revisions.get(revision.id)
  if (earlier === undefined) revisions.set(revision.id, [revision])
  else earlier.push(revision)
}

function asOf<T extends { version: number }>(revisions: readonly T[] | undefined, version: number): T | undefined {
  return revisions?.findLast((revision) => revision.version <= version)
}

function byVersion(left: { version: number }, right: { version: number }): number {
  return left.version - right.version
}

function targetText(provider: string, model: string): string {
  return `${provider}\0${model}`
}
