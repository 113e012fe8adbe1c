import type { ChatInput, ChatMessage, ResponseFormat, Tool, ToolChoice } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { parseSchema } from '../parse-schema.ts'
import { ProviderError } from '../provider.ts'
import type { OpenAiDialect } from './openai-dialect.ts'
import { reasoningField } from './reasoning-state.ts'
import { reservedFields } from './reserved-fields.ts'
import { toContentPart } from './to-content-part.ts'
import { toReasoningFields } from './to-reasoning-fields.ts'
import { toSamplingFields } from './to-sampling-fields.ts'
import { toToolCallId } from './to-tool-call-id.ts'

/** What a body is made for. */
export interface BodyContext {
  provider: string
  model: string
  dialect: OpenAiDialect
}

/**
 * The body of POST /chat/completions (OpenAPI description 2.3.0, CreateChatCompletionRequest).
 * @throws INVALID_REQUEST, CAPABILITY_NOT_SUPPORTED
 */
export function toChatBody(input: ChatInput, context: BodyContext, isStreamed: boolean): Record<string, unknown> {
  const { provider, model, dialect } = context
  const body: Record<string, unknown> = {
    model,
    messages: input.messages.map((message) => toMessage(message, context)),
    ...toSamplingFields(input.sampling, dialect, provider),
    ...toReasoningFields(input, dialect),
  }
  if (input.sampling.maxOutputTokens !== null) body[dialect.maxTokensField] = input.sampling.maxOutputTokens
  if (input.tools.length > 0) body['tools'] = input.tools.map((tool) => toTool(tool, provider))
  if (input.toolChoice !== null) body['tool_choice'] = toToolChoice(input.toolChoice, provider)
  if (input.parallelToolCalls !== null) body['parallel_tool_calls'] = input.parallelToolCalls
  if (input.responseFormat !== null) body['response_format'] = toResponseFormat(input.responseFormat, dialect, provider)
  if (input.user !== null && dialect.takesUser) body['user'] = input.user
  if (isStreamed) {
    body['stream'] = true
    if (dialect.asksStreamUsage) body['stream_options'] = { include_usage: true }
  }
  return mergeProviderOptions({ body, options: input.providerOptions, reserved: reservedFields, provider })
}

function toMessage(message: ChatMessage, { provider, dialect }: BodyContext): Record<string, unknown> {
  const name = message.name === null || !dialect.takesNames ? {} : { name: message.name }
  // A single text is sent as a plain string, which every server of the family takes.
  const onlyPart = message.content.length === 1 ? message.content[0] : undefined
  const content =
    onlyPart?.kind === 'TEXT'
      ? (onlyPart.text ?? '')
      : message.content.map((part) => toContentPart(part, dialect, provider))
  switch (message.role) {
    case 'SYSTEM':
      return { role: 'system', content, ...name }
    case 'USER':
      return { role: 'user', content, ...name }
    case 'ASSISTANT': {
      if (message.toolCalls.length === 0) return { role: 'assistant', content, ...name }
      const calls = message.toolCalls.map(({ id, name: tool, arguments: json }) => ({
        id: toToolCallId(id, dialect),
        type: 'function',
        function: { name: tool, arguments: json },
      }))
      const said = message.content.length === 0 ? null : content
      const reasoning = reasoningField(message.toolCalls, dialect)
      return { role: 'assistant', content: said, ...name, ...reasoning, tool_calls: calls }
    }
    case 'TOOL':
      if (message.toolCallId === null) throw invalidRequest(provider, 'A TOOL message needs toolCallId.')
      if (message.content.some((part) => part.kind !== 'TEXT')) {
        throw invalidRequest(provider, 'A TOOL message may hold text only; send media in a USER message after it.')
      }
      return {
        role: 'tool',
        tool_call_id: toToolCallId(message.toolCallId, dialect),
        content: message.content.length === 0 ? '' : content,
      }
    case 'UNSPECIFIED':
      throw invalidRequest(provider, 'A message has no role; set it to SYSTEM, USER, ASSISTANT or TOOL.')
    default:
      return message.role satisfies never
  }
}

function toTool({ name, description, parameters, strict }: Tool, provider: string): Record<string, unknown> {
  const schema = parseSchema(parameters, `The parameters of tool ${name}`, provider)
  const rest = { ...(description !== null && { description }), parameters: schema, ...(strict && { strict }) }
  return { type: 'function', function: { name, ...rest } }
}

function toToolChoice({ mode, name }: ToolChoice, provider: string): unknown {
  switch (mode) {
    case 'AUTO':
      return 'auto'
    case 'NONE':
      return 'none'
    case 'REQUIRED':
      return 'required'
    case 'TOOL':
      if (name === null) throw invalidRequest(provider, 'toolChoice of mode TOOL needs the name of the tool.')
      return { type: 'function', function: { name } }
    default:
      return mode satisfies never
  }
}

function toResponseFormat(
  { kind, name, schema, strict }: ResponseFormat,
  { takesJsonSchema }: OpenAiDialect,
  provider: string,
): unknown {
  switch (kind) {
    case 'TEXT':
      return { type: 'text' }
    case 'JSON_OBJECT':
      return { type: 'json_object' }
    case 'JSON_SCHEMA': {
      if (!takesJsonSchema) {
        throw new ProviderError(
          'CAPABILITY_NOT_SUPPORTED',
          `Provider ${provider} holds answers to no JSON Schema; use JSON_OBJECT and name the fields in the prompt.`,
          { provider },
        )
      }
      if (schema === null) throw invalidRequest(provider, 'responseFormat of kind JSON_SCHEMA needs a schema.')
      const parsed = parseSchema(schema, 'responseFormat.schema', provider)
      return { type: 'json_schema', json_schema: { name: name ?? 'answer', schema: parsed, ...(strict && { strict }) } }
    }
    default:
      return kind satisfies never
  }
}
