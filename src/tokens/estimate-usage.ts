import type { ChatInput, ModelRequest, Usage } from '../contract/types.ts'
import { noUsage } from '../providers/answers/no-usage.ts'
import { inputTexts } from './input-texts.ts'
import { type OpenAiEncoding, openAiEncoding } from './openai-encoding.ts'
import { estimatedTokens } from './token-bounds.ts'
import type { TokenCounter } from './token-counter.ts'

/** A call whose usage nobody reported. */
export interface UnreportedCall {
  /** The input as it was sent. */
  input: ModelRequest['input']
  /** All text that came: the answer, reasoning, arguments of tool calls; what came before a stream broke is enough. */
  receivedText: string
  providerKind: string
  providerModel: string
  counter: TokenCounter
  signal: AbortSignal
}

/**
 * What a call consumed, counted again from what was sent and what came: for streams that broke, and for servers that report
 * no usage. Marked `estimated`. Exact to a few tokens for texts of OpenAI's models; elsewhere their vocabulary is taken and a
 * margin added, so that it says too much rather than too little. It knows neither what came from a cache nor reasoning that
 * was not shown. Null where the input is charged by what cannot be counted: sound, files, pictures made. Rejects only
 * with the reason of the signal.
 */
export async function estimateUsage(call: UnreportedCall): Promise<Usage | null> {
  const { input, receivedText, providerKind, providerModel, counter, signal } = call
  const media = input.type === 'ChatInput' ? mediaTokens(input) : isTextInput(input) ? 0 : null
  if (media === null) return null
  const encoding = openAiEncoding(providerKind, providerModel)
  const count = async (texts: readonly string[]) => {
    const job = { texts, encoding: encoding ?? nearestEncoding }
    const counted = (await counter.count(job, signal))?.tokens ?? estimatedTokens(texts)
    return encoding === null ? Math.ceil(counted * marginOf(providerKind, providerModel)) : counted
  }
  const [read, written] = await Promise.all([count(sentTexts(input)), count([receivedText])])
  return {
    ...noUsage,
    inputUncachedTokens: read + chatFormatTokens(input) + media,
    outputTokens: written,
    estimated: true,
  }
}

const nearestEncoding: OpenAiEncoding = 'o200k_base'

/**
 * How many more tokens than o200k_base a vocabulary makes. Anthropic publishes none for Claude 3 and later; counts by its
 * count_tokens lie 15 to 35 % above. The others lie within 10 % for prose.
 */
function marginOf(kind: string, model: string): number {
  return kind === 'anthropic' || /(^|[./])(anthropic[./])?claude-/.test(model) ? 1.25 : 1.1
}

/** Marks of the chat format: 3 a message, 1 a name, 3 for the answer to come (OpenAI cookbook, "How to count tokens"). */
function chatFormatTokens(input: ModelRequest['input']): number {
  if (input.type !== 'ChatInput') return 0
  const named = input.messages.filter(({ name }) => name !== null).length
  return 3 * input.messages.length + named + 3
}

/**
 * OpenAI's vision guide: 85 tokens at low detail, 765 for 1,024 × 1,024 pixels at high detail. Others charge the same order of
 * magnitude (Gemini 258 a tile, Claude at most 1,600), and nobody tells the size of a picture at an address.
 */
const imageTokens = { low: 85, other: 765 }

function mediaTokens(input: ChatInput): number | null {
  const parts = input.messages.flatMap(({ content }) => content)
  let tokens = 0
  for (const { kind, detail } of parts) {
    if (kind === 'AUDIO' || kind === 'FILE') return null
    if (kind === 'IMAGE') tokens += detail === 'low' ? imageTokens.low : imageTokens.other
  }
  return tokens
}

function isTextInput(input: ModelRequest['input']): boolean {
  return input.type === 'CompletionInput' || input.type === 'EmbeddingInput'
}

/** With tools and schemas: vendors write them into the prompt in a form of their own, of which JSON is an upper estimate. */
function sentTexts(input: ModelRequest['input']): string[] {
  const texts = inputTexts(input)
  if (input.type !== 'ChatInput') return texts
  const roles = input.messages.flatMap(({ role, name }) => (name === null ? [role] : [role, name]))
  const calls = input.messages.flatMap(({ toolCalls }) => toolCalls.map(({ name }) => name))
  const tools = input.tools.map(({ name, description, parameters }) => `${name} ${description ?? ''} ${parameters}`)
  return [...texts, ...roles, ...calls, ...tools, input.responseFormat?.schema ?? '']
}
