/** What must be changed for the registry to be as files say. Pure: nothing is read or sent. */
import type { RegistryEntities, RegistryKind, RegistryState, Stored } from '../../model-service/ports/registry.ts'
import { type CommandBody, entityCommands } from '../registry/entity-commands.ts'
import { type FieldChange, fieldChanges } from '../registry/field-changes.ts'
import { kinds, type RegistryFiles } from './read-registry.ts'

/** One change, and the command that makes it. */
export interface ApplyStep {
  kind: RegistryKind
  id: string
  action: 'REGISTER' | 'UPDATE' | 'DELETE'
  /** What an update changes; empty otherwise. */
  changes: FieldChange[]
  /** Version of the state that is changed: the command is refused when somebody else was quicker. Null for a new one. */
  version: number | null
  command: CommandBody
}

/** All changes. */
export interface ApplyPlan {
  /** What is in one wave does not depend on one another; each wave depends on those before. None is empty. */
  waves: ApplyStep[][]
  /** How many definitions in the files are as they are in the registry. */
  unchangedCount: number
  /** What is registered, in no file, and stays. */
  left: { kind: RegistryKind; id: string }[]
}

/** How a plan is made. */
export interface PlanOptions {
  /** Whether what is in no file is deleted; of kinds that some file has a section for. */
  prune: boolean
}

/** The registry's entities of a kind. */
export function entitiesOf<TKind extends RegistryKind>(
  state: RegistryState,
  kind: TKind,
): Stored<RegistryEntities[TKind]>[] {
  const lists: { [K in RegistryKind]: Stored<RegistryEntities[K]>[] } = {
    MODEL: state.models,
    PROVIDER: state.providers,
    ROUTE: state.routes,
  }
  return lists[kind]
}

/**
 * The plan. Providers come before models and models before routes; a route comes after the routes that it leads to, so that
 * at no time routes lead in a circle, however they are turned round. Deletions come last and the other way round; an id that
 * becomes a model where it was a route, or a route where it was a model, is deleted first.
 */
export function planApply(files: RegistryFiles, current: RegistryState, { prune }: PlanOptions): ApplyPlan {
  const upserts: Record<RegistryKind, ApplyStep[]> = { PROVIDER: [], MODEL: [], ROUTE: [] }
  const deletions: Record<RegistryKind, ApplyStep[]> = { PROVIDER: [], MODEL: [], ROUTE: [] }
  const left: ApplyPlan['left'] = []
  let unchangedCount = 0
  for (const kind of kinds) {
    const stored = new Map(entitiesOf(current, kind).map((entity) => [entity.definition.id, entity]))
    const wanted = files[kind]
    for (const [id, { definition }] of wanted ?? []) {
      const step = upsertOf(kind, definition, stored.get(id))
      if (step === null) unchangedCount += 1
      else upserts[kind].push(step)
    }
    for (const [id, { version }] of stored) {
      if (wanted?.has(id) === true) continue
      if (prune && wanted !== null) deletions[kind].push(deletionOf(kind, id, version))
      else left.push({ kind, id })
    }
  }
  const isNowOther = ({ kind, id }: ApplyStep): boolean => files[kind === 'MODEL' ? 'ROUTE' : 'MODEL']?.has(id) === true
  const first = [...deletions.ROUTE, ...deletions.MODEL].filter(isNowOther)
  const last = (kind: RegistryKind) => deletions[kind].filter((step) => !first.includes(step))
  const waves = [
    first,
    upserts.PROVIDER,
    upserts.MODEL,
    ...routeWaves(upserts.ROUTE, linksOf(files, current, deletions.ROUTE)),
    last('ROUTE'),
    last('MODEL'),
    last('PROVIDER'),
  ]
  return { waves: waves.filter((wave) => wave.length > 0), unchangedCount, left }
}

function upsertOf(
  kind: RegistryKind,
  definition: RegistryEntities[RegistryKind],
  stored: Stored<RegistryEntities[RegistryKind]> | undefined,
): ApplyStep | null {
  const { id } = definition
  if (stored === undefined) {
    const command = entityCommands[kind].register(definition)
    return { kind, id, action: 'REGISTER', changes: [], version: null, command }
  }
  const changes = fieldChanges(stored.definition, definition)
  if (changes.length === 0) return null
  const { version } = stored
  const fields = [...new Set(changes.map(({ path }) => /^\w+/.exec(path)?.[0] ?? path))]
  return {
    kind,
    id,
    action: 'UPDATE',
    changes,
    version,
    command: entityCommands[kind].update(definition, fields, version),
  }
}

function deletionOf(kind: RegistryKind, id: string, version: number): ApplyStep {
  return { kind, id, action: 'DELETE', changes: [], version, command: entityCommands[kind].remove(id, version) }
}

/**
 * The names that each route leads to, of the routes as they are to be and of those that stay. One that goes does not count:
 * its name may be a model's by then.
 */
function linksOf(files: RegistryFiles, current: RegistryState, deleted: readonly ApplyStep[]): Map<string, string[]> {
  const goes = new Set(deleted.map(({ id }) => id))
  const definitions = [
    ...current.routes.map(({ definition }) => definition).filter(({ id }) => !goes.has(id)),
    ...[...(files.ROUTE?.values() ?? [])].map(({ definition }) => definition),
  ]
  return new Map(
    definitions.map(({ id, otherwise, onContextLength, onContentFilter }) => [
      id,
      [otherwise, onContextLength, onContentFilter].filter((name) => name !== null),
    ]),
  )
}

/**
 * Routes in waves, those that lead to no other first. At each moment the routes that are done lead to nothing but routes that
 * are done, as they are to be, and all others to what they led to before: neither holds a circle, so neither does the whole.
 */
function routeWaves(steps: readonly ApplyStep[], links: ReadonlyMap<string, readonly string[]>): ApplyStep[][] {
  const depths = new Map<string, number>()
  const depthOf = (id: string): number => {
    const known = depths.get(id)
    if (known !== undefined) return known
    // Ends a circle, which the workers refuse.
    depths.set(id, 0)
    const depth = Math.max(0, ...(links.get(id) ?? []).map((next) => (links.has(next) ? depthOf(next) + 1 : 0)))
    depths.set(id, depth)
    return depth
  }
  const waves: ApplyStep[][] = []
  for (const step of steps) {
    const depth = depthOf(step.id)
    waves[depth] = [...(waves[depth] ?? []), step]
  }
  return waves.filter((wave) => wave !== undefined)
}
