import type { ChatInput, ReasoningOptions, ResponseFormat, Tool, ToolChoice } from '../../contract/types.ts'
import { invalidRequest } from '../invalid-request.ts'
import { parseSchema } from '../parse-schema.ts'
import { toMessages } from './to-messages.ts'
import { withOptions } from './to-options.ts'

/** What a body is made for. */
export interface BodyContext {
  provider: string
  model: string
}

/**
 * By default Ollama drops the oldest messages of a conversation that does not fit and, when the window fills up while it
 * answers, forgets what stands before. The answer to half a question looks like any other, so both are switched off: too
 * long an input is CONTEXT_LENGTH, a full window the finish reason LENGTH. Provider options may switch them on.
 */
export const nothingForgotten = { truncate: false, shift: false } as const

/**
 * The body of POST /api/chat (docs/api.md and api/types.go of github.com/ollama/ollama, ChatRequest).
 * @throws INVALID_REQUEST
 */
export function toChatBody(input: ChatInput, { provider, model }: BodyContext, isStreamed: boolean) {
  const { providerOptions, sampling } = input
  const body: Record<string, unknown> = {
    model,
    messages: toMessages(input.messages, provider),
    stream: isStreamed,
    ...unlessGiven(nothingForgotten, providerOptions),
  }
  const tools = toTools(input, provider)
  if (tools.length > 0) body['tools'] = tools
  const think = toThink(input.reasoning)
  if (think !== null) body['think'] = think
  const format = toFormat(input.responseFormat, provider)
  if (format !== null) body['format'] = format
  return withOptions({ body, sampling, providerOptions, provider })
}

/** The defaults without those that the caller sets by provider options. */
export function unlessGiven(
  defaults: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(defaults).filter(([name]) => !Object.hasOwn(given, name)))
}

/** Ollama has no tool choice: NONE leaves the tools out, a duty to call one cannot be laid on the model. */
function toTools({ tools, toolChoice, parallelToolCalls }: ChatInput, provider: string): Record<string, unknown>[] {
  if (tools.length > 0 && parallelToolCalls === false) {
    throw invalidRequest(provider, 'Ollama cannot be held to one tool call at a time; leave parallelToolCalls out.')
  }
  if (!offersTools(toolChoice, provider)) return []
  return tools.map((tool) => toTool(tool, provider))
}

function offersTools(choice: ToolChoice | null, provider: string): boolean {
  if (choice === null) return true
  switch (choice.mode) {
    case 'AUTO':
      return true
    case 'NONE':
      return false
    case 'REQUIRED':
    case 'TOOL':
      throw invalidRequest(
        provider,
        'Ollama cannot be made to call a tool; set toolChoice to AUTO or NONE, or leave it out.',
      )
    default:
      return choice.mode satisfies never
  }
}

function toTool({ name, description, parameters }: Tool, provider: string): Record<string, unknown> {
  const schema = parseSchema(parameters, `The parameters of tool ${name}`, provider)
  return { type: 'function', function: { name, ...(description !== null && { description }), parameters: schema } }
}

/** Models without levels take each as "think"; those that do not think at all answer 400. There is no budget in tokens. */
function toThink(reasoning: ReasoningOptions | null): boolean | string | null {
  const effort = reasoning?.effort ?? 'UNSPECIFIED'
  switch (effort) {
    case 'UNSPECIFIED':
      return null
    case 'NONE':
      return false
    case 'MINIMAL':
    case 'LOW':
      return 'low'
    case 'MEDIUM':
      return 'medium'
    case 'HIGH':
      return 'high'
    default:
      return effort satisfies never
  }
}

/** A schema becomes a grammar, so that the answer always keeps to it, strict or not. */
function toFormat(format: ResponseFormat | null, provider: string): unknown {
  if (format === null) return null
  switch (format.kind) {
    case 'TEXT':
      return null
    case 'JSON_OBJECT':
      return 'json'
    case 'JSON_SCHEMA':
      if (format.schema === null) {
        throw invalidRequest(provider, 'responseFormat of kind JSON_SCHEMA needs a schema.')
      }
      return parseSchema(format.schema, 'responseFormat.schema', provider)
    default:
      return format.kind satisfies never
  }
}
