import { isScalar } from 'yaml'
import { isJsonObject } from '../../contract/json-object.ts'
import type { RegistryKind } from '../../model-service/ports/registry.ts'
import type { YamlDocument } from '../registry/parse-yaml.ts'

interface Where {
  document: YamlDocument
  /** Where the value stands. */
  path: readonly string[]
}

/**
 * A definition with what the contract keeps as texts made into texts, where a person writes `temperature: 0.2` and
 * `inputPerMillionTokens: 1.25`: parameters become their JSON, amounts stay as they are written. A text stays what it is. What
 * cannot be a text without loss is left for the contract to refuse.
 */
export function textsOfContract(kind: RegistryKind, value: unknown, where: Where): unknown {
  if (!isJsonObject(value)) return value
  switch (kind) {
    case 'MODEL':
      return {
        ...value,
        ...changed(value, 'defaultParameters', jsonTexts),
        ...changed(value, 'price', (price) => writtenNumbers(price, where)),
      }
    case 'ROUTE':
      return {
        ...value,
        ...changed(value, 'targets', (targets) => (Array.isArray(targets) ? targets.map(target) : targets)),
      }
    case 'PROVIDER':
      return value
    default:
      return kind satisfies never
  }
}

function target(value: unknown): unknown {
  return isJsonObject(value) ? { ...value, ...changed(value, 'parameters', jsonTexts) } : value
}

function changed(from: Record<string, unknown>, name: string, change: (value: unknown) => unknown): object {
  return Object.hasOwn(from, name) ? { [name]: change(from[name]) } : {}
}

function jsonTexts(parameters: unknown): unknown {
  if (!isJsonObject(parameters)) return parameters
  const texts = Object.entries(parameters).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : jsonOf(value),
  ])
  return Object.fromEntries(texts)
}

/** JSON has no infinity, and what a number cannot hold was lost before we saw it. */
function jsonOf(value: unknown): unknown {
  let isExact = true
  const json = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'number' && (!Number.isFinite(part) || Math.abs(part) > Number.MAX_SAFE_INTEGER))
      isExact = false
    return part
  })
  return isExact ? json : value
}

function writtenNumbers(price: unknown, { document, path }: Where): unknown {
  if (!isJsonObject(price)) return price
  const amounts = Object.entries(price).map(([name, amount]) => {
    const node = typeof amount === 'number' ? document.document.getIn([...path, 'price', name], true) : undefined
    return [name, isScalar(node) && node.source !== undefined ? node.source : amount]
  })
  return Object.fromEntries(amounts)
}
