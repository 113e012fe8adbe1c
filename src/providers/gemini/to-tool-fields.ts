import type { ChatInput, Tool, ToolChoice } from '../../contract/types.ts'
import { asObject, type JsonObject } from '../http/json-shape.ts'
import { invalidRequest } from '../invalid-request.ts'
import { parseSchema } from '../parse-schema.ts'

type ToolInput = Pick<ChatInput, 'tools' | 'toolChoice' | 'parallelToolCalls'>

/** `tools` and `toolConfig`. @throws INVALID_REQUEST, also for parallel calls off, which Gemini cannot do */
export function toToolFields(input: ToolInput, provider: string): Record<string, unknown> {
  if (input.tools.length === 0) return {}
  if (input.parallelToolCalls === false) {
    throw invalidRequest(provider, `Provider ${provider} cannot be kept from parallel tool calls; leave it out.`)
  }
  const functionCallingConfig = toCallingConfig(input, provider)
  return {
    tools: [{ functionDeclarations: input.tools.map((tool) => toDeclaration(tool, provider)) }],
    ...(functionCallingConfig !== null && { toolConfig: { functionCallingConfig } }),
  }
}

function toDeclaration({ name, description, parameters }: Tool, provider: string): Record<string, unknown> {
  const schema = parseSchema(parameters, `The parameters of tool ${name}`, provider)
  const rest = takesNothing(schema) ? {} : { parametersJsonSchema: schema }
  return { name, ...(description !== null && { description }), ...rest }
}

/** An object without properties is refused; a function without arguments is declared by leaving the schema out. */
function takesNothing(schema: JsonObject): boolean {
  const says = Object.keys(schema).filter(
    (key) => !['type', '$schema', 'required', 'additionalProperties'].includes(key),
  )
  const hasProperties = Object.keys(asObject(schema['properties']) ?? {}).length > 0
  const isOpen = schema['additionalProperties'] !== undefined && schema['additionalProperties'] !== false
  return says.every((key) => key === 'properties') && !hasProperties && !isOpen
}

/** A strict tool asks for VALIDATED: the model may call or not, but only as the schema says. */
function toCallingConfig({ tools, toolChoice }: ToolInput, provider: string): Record<string, unknown> | null {
  const isStrict = tools.some(({ strict }) => strict)
  if (toolChoice === null) return isStrict ? { mode: 'VALIDATED' } : null
  return toMode(toolChoice, isStrict, provider)
}

function toMode({ mode, name }: ToolChoice, isStrict: boolean, provider: string): Record<string, unknown> {
  switch (mode) {
    case 'AUTO':
      return { mode: isStrict ? 'VALIDATED' : 'AUTO' }
    case 'NONE':
      return { mode: 'NONE' }
    case 'REQUIRED':
      return { mode: 'ANY' }
    case 'TOOL':
      if (name === null) throw invalidRequest(provider, 'toolChoice of mode TOOL needs the name of the tool.')
      return { mode: 'ANY', allowedFunctionNames: [name] }
    default:
      return mode satisfies never
  }
}
