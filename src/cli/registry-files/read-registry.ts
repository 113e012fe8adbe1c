/**
 * Registry files: definitions of providers, models and routes as YAML or JSON, whole. What is left out has its default.
 *
 *   apiVersion: model-service/v1
 *   models:
 *     my-model: { provider: openai, capabilities: [CHAT] }
 */

import { isMap, isScalar, type Node } from 'yaml'
import { completeDraft, contractType, type Misfit } from '../../codec/contract-type.ts'
import { nearName } from '../../config/edit-distance.ts'
import { definitionNames } from '../../contract/definition-names.ts'
import { isJsonObject } from '../../contract/json-object.ts'
import { isId } from '../../contract/limits.ts'
import type { RegistryEntities, RegistryKind } from '../../model-service/ports/registry.ts'
import { parseYaml, plainValue, type YamlDocument } from '../registry/parse-yaml.ts'
import { UsageError } from '../usage-error.ts'
import { textsOfContract } from './texts-of-contract.ts'

/** The format that this version reads and writes. */
export const registryFileVersion = 'model-service/v1'

/** The section of a file for each kind, in the order in which they depend on one another. */
export const sections = {
  PROVIDER: 'providers',
  MODEL: 'models',
  ROUTE: 'routes',
} as const satisfies Record<RegistryKind, string>

/** The kinds, those first that others depend on. */
export const kinds = Object.keys(sections) as readonly RegistryKind[]

/** A text to read, and its name in messages. */
export interface RegistrySource {
  name: string
  text: string
}

/** A definition in a file. */
export interface FileEntity<TKind extends RegistryKind> {
  definition: RegistryEntities[TKind]
  /** `file:line:column` of it, or of a part of it. */
  place(path?: readonly string[]): string
}

/** What files say the registry is to be; a kind of which none has a section is null. */
export type RegistryFiles = { [TKind in RegistryKind]: ReadonlyMap<string, FileEntity<TKind>> | null }

/** Mistakes that are listed at most. */
const shownMistakes = 20

/**
 * Reads files of the registry as one.
 * @throws UsageError listing the mistakes, each with file, line and column
 */
export function readRegistry(sources: readonly RegistrySource[]): RegistryFiles {
  const mistakes: string[] = []
  const found: { [TKind in RegistryKind]: Map<string, FileEntity<TKind>> | null } = {
    PROVIDER: null,
    MODEL: null,
    ROUTE: null,
  }
  for (const { name, text } of sources) {
    const documents = parseYaml(text, name)
    if (documents.length === 0) mistakes.push(`${name}: it is empty; expected apiVersion: ${registryFileVersion}`)
    for (const document of documents) {
      if (!isRegistryDocument(document, mistakes)) continue
      for (const kind of kinds) readSection(kind, { document, found, mistakes })
    }
  }
  refuseMistakes(mistakes)
  return found
}

/** @throws UsageError when there are any */
export function refuseMistakes(mistakes: readonly string[]): void {
  if (mistakes.length === 0) return
  const more = mistakes.length - shownMistakes
  const lines = [...mistakes.slice(0, shownMistakes), ...(more > 0 ? [`and ${more} more`] : [])]
  throw new UsageError(lines.join('\n'))
}

function isRegistryDocument(yaml: YamlDocument, mistakes: string[]): boolean {
  const { document, place } = yaml
  const { contents } = document
  if (!isMap(contents)) {
    mistakes.push(`${place(contents)}: expected a map with apiVersion, ${Object.values(sections).join(', ')}`)
    return false
  }
  const known: string[] = ['apiVersion', ...Object.values(sections)]
  for (const { key } of contents.items) {
    const name = String(isScalar(key) ? key.value : key)
    if (!known.includes(name)) mistakes.push(`${place(key)}: ${name}: ${unknownField(name, known)}`)
  }
  const version: unknown = contents.get('apiVersion')
  if (version === registryFileVersion) return true
  const lack = version === undefined ? 'missing' : 'another format'
  mistakes.push(
    `${place(contents.get('apiVersion', true) ?? contents)}: apiVersion: ${lack}; expected ${registryFileVersion}`,
  )
  return false
}

interface Reading {
  document: YamlDocument
  found: { [TKind in RegistryKind]: Map<string, FileEntity<TKind>> | null }
  mistakes: string[]
}

function readSection<TKind extends RegistryKind>(kind: TKind, { document, found, mistakes }: Reading): void {
  const section = sections[kind]
  const node = document.document.get(section, true) as Node | undefined
  if (node === undefined) return
  const entities: Map<string, FileEntity<TKind>> = found[kind] ?? new Map()
  // The map was made for this kind.
  found[kind] = entities as (typeof found)[TKind]
  const root = plainValue(document) as Record<string, unknown>
  const values = root[section]
  if (values === null) return
  if (!isJsonObject(values)) {
    mistakes.push(`${document.place(node)}: ${section}: expected a map of definitions by their ids`)
    return
  }
  for (const [id, value] of Object.entries(values)) {
    const place = (path: readonly string[] = []): string => document.place(nodeAt(document, [section, id, ...path]))
    const earlier = entities.get(id)
    if (earlier !== undefined) {
      mistakes.push(`${place()}: ${section}.${id}: it is there already, at ${earlier.place()}`)
      continue
    }
    if (!isId(id)) {
      mistakes.push(`${place()}: ${section}: an id must be 1 to 128 visible ASCII characters`)
      continue
    }
    const draft = textsOfContract(kind, value, { document, path: [section, id] })
    const misfits = misfitsOf(kind, draft)
    for (const misfit of misfits) mistakes.push(mistakeText(misfit, { place, name: `${section}.${id}` }))
    if (misfits.length > 0) continue
    // Checked just now, and of the kind's own contract.
    const definition = completeDraft(definitionNames[kind], { ...(draft as object), id }) as RegistryEntities[TKind]
    entities.set(id, { definition, place })
  }
}

function misfitsOf(kind: RegistryKind, draft: unknown): Misfit[] {
  if (!isJsonObject(draft)) return [{ path: [], problem: 'expected a map of its fields' }]
  if (Object.hasOwn(draft, 'id')) return [{ path: ['id'], problem: 'the id is the name above; leave it out here' }]
  return contractType(definitionNames[kind]).misfits({ ...draft, id: 'x' })
}

function mistakeText(
  { path, problem, knownFields }: Misfit,
  { place, name }: { place(path: readonly string[]): string; name: string },
): string {
  const last = path.at(-1) ?? ''
  const text =
    knownFields === undefined
      ? problem
      : unknownField(
          last,
          knownFields.filter((field) => field !== 'id'),
        )
  return `${place(path)}: ${[name, ...path].join('.')}: ${text}`
}

function unknownField(name: string, known: readonly string[]): string {
  const meant = nearName(name, known)
  return meant === undefined
    ? `unknown field; expected one of ${known.join(', ')}`
    : `unknown field; did you mean ${meant}?`
}

/** The key of the pair that a path leads to, so that a place is where a reader begins; the nearest that there is. */
function nodeAt({ document }: YamlDocument, path: readonly string[]): unknown {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const name = path[length - 1]
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === name) : undefined
    const node = pair?.key ?? document.getIn(path.slice(0, length), true)
    if (node !== undefined) return node
  }
  return undefined
}
