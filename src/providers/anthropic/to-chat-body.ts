import type { ChatInput, SamplingParameters } from '../../contract/types.ts'
import type { JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { claudeTraits } from './claude-traits.ts'
import { reservedFields } from './reserved-fields.ts'
import { toMessages } from './to-messages.ts'
import { toThinkingFields } from './to-thinking-fields.ts'
import { toToolFields } from './to-tool-fields.ts'

/** What a body is made for. */
export interface BodyContext {
  provider: string
  model: string
}

/**
 * The body of POST /messages (API version 2023-06-01; types of Anthropic's SDK 0.120, MessageCreateParams).
 * @throws INVALID_REQUEST, CAPABILITY_NOT_SUPPORTED
 */
export function toChatBody(input: ChatInput, context: BodyContext, isStreamed: boolean): Record<string, unknown> {
  const { provider, model } = context
  const traits = claudeTraits(model)
  const maxTokens = input.sampling.maxOutputTokens ?? traits.defaultMaxTokens
  const { system, messages } = toMessages(input.messages, provider)
  const last = messages.at(-1)
  if (last?.role === 'assistant') prefill(last.content, traits.continuesAssistant, context)
  const { format, isForced, ...toolFields } = toToolFields(input, context)
  const { thinking, effort } = toThinkingFields(input, { provider, model, maxTokens, thinking: traits.thinking })
  const thinks = thinking !== undefined && thinking['type'] !== 'disabled'
  if (thinks) mayThink(input.sampling, isForced, context)
  const body: Record<string, unknown> = { model, max_tokens: maxTokens, messages }
  if (system.length > 0) body['system'] = system.length === 1 ? system[0]?.['text'] : system
  Object.assign(body, toolFields, toSamplingFields(input.sampling, provider))
  if (thinking !== undefined) body['thinking'] = thinking
  else if (isForced && traits.thinksByDefault) body['thinking'] = { type: 'disabled' }
  if (format !== undefined || effort !== undefined) {
    body['output_config'] = { ...(effort !== undefined && { effort }), ...(format !== undefined && { format }) }
  }
  if (input.user !== null) body['metadata'] = { user_id: input.user }
  if (isStreamed) body['stream'] = true
  return mergeProviderOptions({ body, options: input.providerOptions, reserved: reservedFields, provider })
}

/** Fields of a chat's body that decide how many tokens it has; the count refuses all others. */
const countedFields = [
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
]

/** The body of POST /messages/count_tokens. @throws INVALID_REQUEST, CAPABILITY_NOT_SUPPORTED */
export function toCountBody(input: ChatInput, context: BodyContext): Record<string, unknown> {
  const body = toChatBody(input, context, false)
  return Object.fromEntries(Object.entries(body).filter(([name]) => countedFields.includes(name)))
}

function toSamplingFields(sampling: SamplingParameters, provider: string): JsonObject {
  const { temperature, frequencyPenalty, presencePenalty } = sampling
  if (temperature !== null && temperature > 1) {
    throw invalidRequest(provider, `Provider ${provider} takes a sampling.temperature of 0 to 1, not ${temperature}.`)
  }
  // A penalty of 0 is none, so nothing is lost by leaving it out. The seed is a wish, and left out as well.
  if (frequencyPenalty || presencePenalty) {
    throw invalidRequest(
      provider,
      `Provider ${provider} takes neither sampling.frequencyPenalty nor sampling.presencePenalty; leave them out.`,
    )
  }
  return {
    ...(temperature !== null && { temperature }),
    ...(sampling.topP !== null && { top_p: sampling.topP }),
    ...(sampling.topK !== null && { top_k: sampling.topK }),
    ...(sampling.stop.length > 0 && { stop_sequences: sampling.stop }),
  }
}

/**
 * The last message is the beginning of the answer. Newer models refuse that; a space at its end is refused by all.
 * Source: the API's own errors "does not support assistant message prefill" and "cannot end with trailing whitespace".
 */
function prefill(content: JsonObject[], isTaken: boolean, { provider, model }: BodyContext): void {
  if (!isTaken) {
    throw invalidRequest(
      provider,
      `Model ${model} does not continue an ASSISTANT message; end the conversation with a USER or TOOL message.`,
    )
  }
  const end = content.at(-1)
  if (end?.['type'] === 'text') end['text'] = String(end['text']).trimEnd()
}

/** What the API refuses beside thinking. Source: Anthropic's page on extended thinking, feature compatibility. */
function mayThink(sampling: SamplingParameters, isForced: boolean, { provider, model }: BodyContext): void {
  const clash = isForced
    ? 'be made to call a tool or to answer in a JSON object'
    : sampling.topK !== null
      ? 'take sampling.topK'
      : sampling.temperature !== null && sampling.temperature !== 1
        ? 'take a sampling.temperature other than 1'
        : null
  if (clash === null) return
  throw invalidRequest(provider, `While it thinks, model ${model} cannot ${clash}; leave that or \`reasoning\` out.`)
}
