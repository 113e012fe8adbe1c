import type { ChatInput, ResponseFormat, Tool } from '../../contract/types.ts'
import type { JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { parseSchema } from '../parse-schema.ts'
import { claudeTraits } from './claude-traits.ts'
import { toOutputSchema } from './to-output-schema.ts'

/** Tools and format of the answer, as fields of the body. */
export interface ToolFields {
  tools?: JsonObject[]
  tool_choice?: JsonObject
  /** The format of `output_config`. */
  format?: JsonObject
  /** Whether the model must call a tool, which excludes thinking. */
  isForced: boolean
}

/**
 * Name of the tool that stands in for a JSON format, or null when none does. There is no JSON mode without schema, and
 * models before 4.5 have no schemas either; the documented way is a tool whose arguments are the answer. A caller who
 * demands a call of one of its own tools gets that, not an answer.
 */
export function jsonToolOf({ responseFormat, tools, toolChoice }: ChatInput, model: string): string | null {
  if (responseFormat === null || responseFormat.kind === 'TEXT') return null
  if (responseFormat.kind === 'JSON_SCHEMA' && claudeTraits(model).hasOutputFormat) return null
  if (toolChoice?.mode === 'REQUIRED' || toolChoice?.mode === 'TOOL') return null
  let name = 'json'
  while (tools.some((tool) => tool.name === name)) name += '_answer'
  return name
}

/** @throws INVALID_REQUEST */
export function toToolFields(input: ChatInput, { provider, model }: { provider: string; model: string }): ToolFields {
  const { hasOutputFormat } = claudeTraits(model)
  const jsonTool = jsonToolOf(input, model)
  const tools = input.tools.map((tool) => toTool(tool, hasOutputFormat, provider))
  const fields: ToolFields = { isForced: false }
  if (jsonTool !== null) tools.push(toJsonTool(jsonTool, input.responseFormat, provider))
  else if (input.responseFormat?.kind === 'JSON_SCHEMA' && hasOutputFormat) {
    const schema = toOutputSchema(schemaOf(input.responseFormat, provider), provider)
    fields.format = { type: 'json_schema', schema }
  }
  const choice = jsonTool === null ? toChoice(input, provider) : toJsonChoice(input, jsonTool)
  if (tools.length > 0) fields.tools = tools
  if (choice !== null) fields.tool_choice = choice
  fields.isForced = choice?.['type'] === 'any' || choice?.['type'] === 'tool'
  return fields
}

function toTool({ name, description, parameters, strict }: Tool, canBeStrict: boolean, provider: string): JsonObject {
  const schema = parseSchema(parameters, `The parameters of tool ${name}`, provider)
  const isStrict = strict && canBeStrict
  return {
    name,
    ...(description !== null && { description }),
    // The type is required at the root, even beside a union.
    input_schema: { type: 'object', ...(isStrict ? toOutputSchema(schema, provider) : schema) },
    ...(isStrict && { strict: true }),
  }
}

function toJsonTool(name: string, format: ResponseFormat | null, provider: string): JsonObject {
  const schema = format?.kind === 'JSON_SCHEMA' ? schemaOf(format, provider) : { type: 'object' }
  if ((schema['type'] ?? 'object') !== 'object') {
    throw invalidRequest(provider, 'responseFormat.schema must describe an object; put lists and values into one.')
  }
  return { name, description: 'Gives the answer.', input_schema: { type: 'object', ...schema } }
}

function schemaOf({ schema }: ResponseFormat, provider: string): JsonObject {
  if (schema === null) throw invalidRequest(provider, 'responseFormat of kind JSON_SCHEMA needs a schema.')
  return parseSchema(schema, 'responseFormat.schema', provider)
}

/** Either one of the caller's tools is called or the answer is given, and not both. */
function toJsonChoice({ tools, toolChoice }: ChatInput, jsonTool: string): JsonObject {
  const isAlone = tools.length === 0 || toolChoice?.mode === 'NONE'
  return isAlone ? { type: 'tool', name: jsonTool } : { type: 'any', disable_parallel_tool_use: true }
}

function toChoice({ tools, toolChoice, parallelToolCalls }: ChatInput, provider: string): JsonObject | null {
  if (tools.length === 0) return null
  const parallel = parallelToolCalls === null ? {} : { disable_parallel_tool_use: !parallelToolCalls }
  if (toolChoice === null) return parallelToolCalls === null ? null : { type: 'auto', ...parallel }
  switch (toolChoice.mode) {
    case 'AUTO':
      return { type: 'auto', ...parallel }
    case 'NONE':
      return { type: 'none' }
    case 'REQUIRED':
      return { type: 'any', ...parallel }
    case 'TOOL':
      if (toolChoice.name === null)
        throw invalidRequest(provider, 'toolChoice of mode TOOL needs the name of the tool.')
      return { type: 'tool', name: toolChoice.name, ...parallel }
    default:
      return toolChoice.mode satisfies never
  }
}
