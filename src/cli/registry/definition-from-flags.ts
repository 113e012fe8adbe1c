import { readFileSync } from 'node:fs'
import { type ContractName, completeDraft } from '../../codec/contract-type.ts'
import type { ModelDefinitionDraft, RequestType } from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { UsageError } from '../usage-error.ts'

/** A model in flags; what is absent is not said. */
export interface ModelFlags {
  provider?: string
  providerModel?: string
  displayName?: string
  description?: string
  capability?: RequestType[]
  status?: 'ACTIVE' | 'INACTIVE' | 'DEPRECATED'
  contextWindow?: number
  maxOutputTokens?: number
}

/**
 * The model that a file and flags describe; flags count over the file. `fields` are those that either names, without `id`.
 * @throws UsageError naming the path of what is wrong, or when there is nothing
 */
export function modelFromFlags(
  id: string | undefined,
  file: string | undefined,
  flags: ModelFlags,
): { model: ModelDefinitionDraft & { id: string }; fields: string[] } {
  const { capability, ...same } = flags
  const fromFile = file === undefined ? {} : readJsonObject(file)
  const given = { ...fromFile, ...same, ...(capability === undefined ? {} : { capabilities: capability }) }
  const modelId = id ?? fromFile['id']
  if (typeof modelId !== 'string' || modelId === '')
    throw new UsageError('Expected the id of a model, as argument or in the file.')
  const fields = Object.keys(given).filter((name) => name !== 'id')
  if (fields.length === 0) throw new UsageError('Nothing is said about the model: expected --file or other flags.')
  const model = { ...given, id: modelId }
  checkDraft('ModelDefinition', model, file ?? 'the command line')
  return { model, fields }
}

function readJsonObject(file: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : 'it cannot be read'
    throw new UsageError(`${file}: ${reason}: expected a JSON file of a model.`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${file}: expected a JSON object.`)
  }
  return parsed as Record<string, unknown>
}

function checkDraft(name: ContractName & 'ModelDefinition', draft: ModelDefinitionDraft, source: string): void {
  try {
    completeDraft(name, draft)
  } catch (error) {
    throw error instanceof ModelServiceError ? new UsageError(`${source}: ${error.message}`) : error
  }
}
