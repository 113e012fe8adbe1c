import { randomUUID } from 'node:crypto'
import type { DoubleBehaviour } from './double-behaviour.ts'
import { DoubleError } from './double-error.ts'
import { type RequestFields, roughTokenCount } from './request-fields.ts'

/** An answer to a chat or completion request, before it takes its wire shape. */
export interface TextAnswer {
  id: string
  created: number
  model: string
  text: string
  refusal: string | null
  toolCalls: { id: string; type: 'function'; function: { name: string; arguments: string } }[]
  finishReason: string
  usage: Record<string, unknown>
}

/** Checks a chat request as OpenAI does and makes up the answer. @throws DoubleError 400 */
export function answerChat(model: string, fields: RequestFields, behaviour: DoubleBehaviour): TextAnswer {
  const messages = fields['messages']
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new DoubleError(400, "Missing or invalid parameter: 'messages'; a non-empty array was expected.", {
      param: 'messages',
      code: 'missing_required_parameter',
    })
  }
  for (const [index, message] of messages.entries()) checkMessage(message, index)
  const last = lastText(messages)
  const wantsJson = (fields['response_format'] as { type?: string } | undefined)?.type?.startsWith('json') === true
  const text = wantsJson ? JSON.stringify({ double: true, echo: last }) : `[double] You said: ${last}`
  return makeAnswer(model, { prompt: JSON.stringify(messages), text, tool: firstToolName(fields), behaviour })
}

/** Checks a completion request and makes up the answer. @throws DoubleError 400 */
export function answerCompletion(model: string, prompt: string, behaviour: DoubleBehaviour): TextAnswer {
  return makeAnswer(model, { prompt, text: `[double] ${prompt.slice(0, 200)} … and so on.`, tool: null, behaviour })
}

interface Parts {
  prompt: string
  text: string
  tool: string | null
  behaviour: DoubleBehaviour
}

function makeAnswer(model: string, { prompt, text, tool, behaviour }: Parts): TextAnswer {
  const promptTokens = roughTokenCount(prompt)
  const completionTokens = roughTokenCount(text)
  const answer: TextAnswer = {
    id: `chatcmpl-double-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model,
    text,
    refusal: null,
    toolCalls: [],
    finishReason: 'stop',
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
  }
  if (behaviour.kind === 'LENGTH') return { ...answer, finishReason: 'length' }
  if (behaviour.kind === 'FILTERED_ANSWER') return { ...answer, text: '', finishReason: 'content_filter' }
  if (behaviour.kind === 'REFUSAL') return { ...answer, text: '', refusal: '[double] I refuse, as you asked.' }
  if (behaviour.kind === 'TOOL' && tool !== null) {
    const call = { name: tool, arguments: '{"double":true}' }
    return {
      ...answer,
      text: '',
      finishReason: 'tool_calls',
      toolCalls: [{ id: `call_${randomUUID().slice(0, 8)}`, type: 'function', function: call }],
    }
  }
  return answer
}

function checkMessage(message: unknown, index: number): void {
  const { role, content, tool_calls: toolCalls, tool_call_id: callId } = (message ?? {}) as Record<string, unknown>
  const param = `messages[${index}]`
  if (typeof role !== 'string' || !['system', 'developer', 'user', 'assistant', 'tool'].includes(role)) {
    throw new DoubleError(400, `Invalid value for '${param}.role'.`, { param: `${param}.role`, code: 'invalid_value' })
  }
  const hasContent = typeof content === 'string' || (Array.isArray(content) && content.length > 0)
  if (!hasContent && !(role === 'assistant' && Array.isArray(toolCalls))) {
    throw new DoubleError(400, `Invalid value for '${param}.content'.`, { param: `${param}.content` })
  }
  if (role === 'tool' && typeof callId !== 'string') {
    throw new DoubleError(400, `Missing parameter '${param}.tool_call_id'.`, { param: `${param}.tool_call_id` })
  }
}

function lastText(messages: unknown[]): string {
  const content = (messages.at(-1) as { content?: unknown }).content
  if (typeof content === 'string') return content.slice(0, 400)
  const parts = Array.isArray(content) ? (content as { type?: string; text?: string }[]) : []
  return parts
    .map((part) => part.text ?? `(${part.type ?? 'part'})`)
    .join(' ')
    .slice(0, 400)
}

function firstToolName(fields: RequestFields): string | null {
  const tools = fields['tools']
  const name = Array.isArray(tools) ? (tools[0] as { function?: { name?: unknown } })?.function?.name : undefined
  return typeof name === 'string' ? name : null
}
