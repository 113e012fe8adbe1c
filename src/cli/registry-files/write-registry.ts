import { stringify } from 'yaml'
import { withoutDefaults } from '../../codec/without-defaults.ts'
import { definitionNames } from '../../contract/definition-names.ts'
import type { RegistryState } from '../../model-service/ports/registry.ts'
import { entitiesOf } from './plan-apply.ts'
import { kinds, registryFileVersion, sections } from './read-registry.ts'

/**
 * The registry as a file, which `readRegistry` reads to the same definitions: ids in order, without fields that have their
 * default. The same registry always gives the same text.
 */
export function writeRegistry(state: RegistryState, format: 'yaml' | 'json'): string {
  const document = new Map<string, unknown>([['apiVersion', registryFileVersion]])
  for (const kind of kinds) {
    const brief = withoutDefaults(definitionNames[kind])
    const entries = entitiesOf(state, kind).map(({ definition }) => {
      const { id, ...fields } = definition
      return [id, brief(fields)] as const
    })
    document.set(sections[kind], new Map(entries))
  }
  if (format === 'json') return `${JSON.stringify(document, (_key, value) => toObject(value), 2)}\n`
  return stringify(document, { lineWidth: 120 })
}

/** As an object with properties of its own, whatever their names. */
function toObject(value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}
