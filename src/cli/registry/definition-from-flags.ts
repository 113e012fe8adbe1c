import { completeDraft } from '../../codec/contract-type.ts'
import { definitionNames } from '../../contract/definition-names.ts'
import { isJsonObject } from '../../contract/json-object.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import type { RegistryKind } from '../../model-service/ports/registry.ts'
import { UsageError } from '../usage-error.ts'
import type { DefinitionDraft } from './entity-commands.ts'
import { parseYaml, plainValue, readTextFile } from './parse-yaml.ts'

/** A definition in parts. */
export interface DefinitionParts {
  /** Over the id in the file. */
  id: string | undefined
  /** Path of a YAML or JSON file of a definition. */
  file: string | undefined
  /** Fields that flags give, over those in the file. */
  given: Readonly<Record<string, unknown>>
}

/**
 * The definition that a file and flags describe; flags count over the file. `fields` are those that either names, without `id`.
 * @throws UsageError naming the path of what is wrong, or when there is nothing
 */
export function definitionFromFlags(
  kind: RegistryKind,
  { id, file, given }: DefinitionParts,
): { definition: DefinitionDraft; fields: string[] } {
  const noun = kind.toLowerCase()
  const fromFile = file === undefined ? {} : readObject(file, noun)
  const all: Record<string, unknown> = { ...fromFile, ...given }
  const definitionId = id ?? fromFile['id']
  if (typeof definitionId !== 'string' || definitionId === '') {
    throw new UsageError(`Expected the id of a ${noun}, as argument or in the file.`)
  }
  const fields = Object.keys(all).filter((name) => name !== 'id')
  if (fields.length === 0) throw new UsageError(`Nothing is said about the ${noun}: expected --file or other flags.`)
  const definition = { ...all, id: definitionId }
  try {
    completeDraft(definitionNames[kind], definition)
  } catch (error) {
    throw error instanceof ModelServiceError ? new UsageError(`${file ?? 'the command line'}: ${error.message}`) : error
  }
  return { definition, fields }
}

function readObject(file: string, noun: string): Record<string, unknown> {
  const [document, second] = parseYaml(readTextFile(file), file)
  const value = document === undefined ? null : plainValue(document)
  if (!isJsonObject(value) || second !== undefined) {
    throw new UsageError(`${file}: expected the fields of one ${noun}.`)
  }
  return value
}
