import type { RegistryEntities, RegistryKind, RegistryState } from '../../model-service/ports/registry.ts'
import { type DefinitionView, definitionRules } from '../../model-service/validate-definition.ts'
import { presetDefinition, presets } from '../../providers/presets.ts'
import { entitiesOf } from './plan-apply.ts'
import { type FileEntity, kinds, type RegistryFiles, refuseMistakes, sections } from './read-registry.ts'

/**
 * Holds the files against the rules by which the workers judge commands, in the registry as it will be: each definition in a
 * file, and each registered one that stays and would not fit any more.
 * @throws UsageError listing the mistakes, with file, line and column where a file has them
 */
export function checkFiles(files: RegistryFiles, current: RegistryState, { prune }: { prune: boolean }): void {
  const stored = definitionsOf(current)
  const before = viewOf((kind, id) => stored[kind].get(id))
  const after = viewOf((kind, id) => {
    const wanted = files[kind]
    const stays = wanted === null || !prune
    return wanted?.get(id)?.definition ?? (stays ? stored[kind].get(id) : undefined)
  })
  const mistakes: string[] = []
  for (const kind of kinds) {
    for (const [id, entity] of files[kind] ?? []) {
      const problem = problemOf(kind, entity.definition, after)
      if (problem !== null) mistakes.push(`${placeOf(problem, entity)}: ${sections[kind]}.${id}: ${problem}`)
    }
    if (prune && files[kind] !== null) continue
    for (const { definition } of entitiesOf(current, kind)) {
      if (files[kind]?.has(definition.id) === true) continue
      const problem = problemOf(kind, definition, after)
      if (problem === null || problemOf(kind, definition, before) !== null) continue
      mistakes.push(
        `${sections[kind]}.${definition.id}, which is registered and in no file, would not fit any more: ${problem}`,
      )
    }
  }
  refuseMistakes(mistakes)
}

type Find = <TKind extends RegistryKind>(kind: TKind, id: string) => RegistryEntities[TKind] | undefined

function viewOf(find: Find): DefinitionView {
  return {
    registry: {
      model: (id) => find('MODEL', id),
      provider: (id) => find('PROVIDER', id),
      route: (id) => find('ROUTE', id),
    },
    providers: {
      presets: [...presets.keys()].sort(),
      preset: (name) => {
        const preset = presets.get(name)
        return preset === undefined ? null : presetDefinition(preset)
      },
    },
  }
}

function definitionsOf(state: RegistryState): { [TKind in RegistryKind]: Map<string, RegistryEntities[TKind]> } {
  const byId = <TKind extends RegistryKind>(kind: TKind) =>
    new Map(entitiesOf(state, kind).map(({ definition }) => [definition.id, definition] as const))
  return { MODEL: byId('MODEL'), PROVIDER: byId('PROVIDER'), ROUTE: byId('ROUTE') }
}

function problemOf<TKind extends RegistryKind>(
  kind: TKind,
  definition: RegistryEntities[TKind],
  view: DefinitionView,
): string | null {
  try {
    definitionRules[kind](definition, view)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The rules name what is wrong first: `route.targets[0].model must be …`. */
function placeOf(problem: string, entity: FileEntity<RegistryKind>): string {
  const [named = ''] = problem.split(' ', 1)
  const [, ...path] = named.split(/[.[\]]+/).filter((step) => step !== '')
  return entity.place(path)
}
