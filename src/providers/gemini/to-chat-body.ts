import type { ChatInput, ResponseFormat } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { parseSchema } from '../parse-schema.ts'
import { mergeGeminiOptions } from './merge-gemini-options.ts'
import { reservedConfigFields } from './reserved-fields.ts'
import { toContents } from './to-contents.ts'
import { toThinkingFields } from './to-thinking-fields.ts'
import { toToolFields } from './to-tool-fields.ts'

/** What a body is made for. */
export interface BodyContext {
  provider: string
  model: string
}

/**
 * The body of generateContent, streamGenerateContent and, within `generateContentRequest`, countTokens
 * (ai.google.dev/api/generate-content; js-genai 2.18). Schemas go as JSON Schema, in the fields that take it whole:
 * the older `parameters` and `responseSchema` know a part of OpenAPI's only, and refuse `$ref`, `const` and more.
 * @throws INVALID_REQUEST
 */
export function toChatBody(input: ChatInput, context: BodyContext): Record<string, unknown> {
  const body: Record<string, unknown> = {
    ...toContents(input.messages, context),
    ...toToolFields(input, context.provider),
  }
  const config = {
    ...toSamplingFields(input),
    ...toFormatFields(input.responseFormat, context.provider),
    ...toThinkingFields(input.reasoning, context.model),
  }
  if (Object.keys(config).length > 0) body['generationConfig'] = config
  return mergeGeminiOptions(body, input.providerOptions, reservedConfigFields, context.provider)
}

function toSamplingFields({ sampling }: ChatInput): Record<string, unknown> {
  const { maxOutputTokens, temperature, topP, topK, seed, presencePenalty, frequencyPenalty, stop } = sampling
  return {
    ...(maxOutputTokens !== null && { maxOutputTokens }),
    ...(temperature !== null && { temperature }),
    ...(topP !== null && { topP }),
    ...(topK !== null && { topK }),
    ...(seed !== null && { seed }),
    ...(presencePenalty !== null && { presencePenalty }),
    ...(frequencyPenalty !== null && { frequencyPenalty }),
    ...(stop.length > 0 && { stopSequences: stop }),
  }
}

function toFormatFields(format: ResponseFormat | null, provider: string): Record<string, unknown> {
  if (format === null) return {}
  switch (format.kind) {
    case 'TEXT':
      return {}
    case 'JSON_OBJECT':
      return { responseMimeType: 'application/json' }
    case 'JSON_SCHEMA': {
      if (format.schema === null) throw invalidRequest(provider, 'responseFormat of kind JSON_SCHEMA needs a schema.')
      const schema = parseSchema(format.schema, 'responseFormat.schema', provider)
      return { responseMimeType: 'application/json', responseJsonSchema: schema }
    }
    default:
      return format.kind satisfies never
  }
}
