import type { SamplingParameters } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** Sampling parameters that both chat and completion take. @throws INVALID_REQUEST for topK where there is none */
export function toSamplingFields(
  sampling: SamplingParameters,
  dialect: OpenAiDialect,
  provider: string,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  if (sampling.temperature !== null) fields['temperature'] = sampling.temperature
  if (sampling.topP !== null) fields['top_p'] = sampling.topP
  if (sampling.frequencyPenalty !== null) fields['frequency_penalty'] = sampling.frequencyPenalty
  if (sampling.presencePenalty !== null) fields['presence_penalty'] = sampling.presencePenalty
  if (sampling.stop.length > 0) fields['stop'] = sampling.stop
  if (sampling.seed !== null && dialect.seedField !== null) fields[dialect.seedField] = sampling.seed
  if (sampling.topK !== null) {
    if (!dialect.takesTopK) {
      throw invalidRequest(provider, `Provider ${provider} takes no sampling.topK; leave it out.`)
    }
    fields['top_k'] = sampling.topK
  }
  return fields
}
