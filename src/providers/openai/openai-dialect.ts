import type { RequestType } from '../../contract/types.ts'

/**
 * How a server of the OpenAI family differs from OpenAI. All of it is data, so that a further compatible server is a
 * further row in presets.ts. Sources: the vendors' documentation and SDKs, as noted at each preset.
 */
export interface OpenAiDialect {
  /** Request types that the server has. */
  capabilities: readonly RequestType[]
  /** Where the key goes. */
  keyHeader: 'authorization' | 'api-key'
  /** Name of the limit of output tokens; `max_tokens` is refused by OpenAI's reasoning models. */
  maxTokensField: 'max_completion_tokens' | 'max_tokens'
  /** Name of the seed; null where there is none, and then it is left out. */
  seedField: 'seed' | 'random_seed' | null
  /** Whether `top_k` is taken; where not, a request with topK is refused. */
  takesTopK: boolean
  /** Whether the end user's id is taken; left out where not. */
  takesUser: boolean
  /** Whether messages may name their speaker; left out where not. */
  takesNames: boolean
  /** How reasoning is asked for: by level, by Mistral's two levels, by DeepSeek's switch and level, by an object. */
  reasoning: 'reasoning_effort' | 'high_or_none' | 'thinking_switch' | 'reasoning_object' | 'none'
  /** The field in which reasoning comes back with the tool calls that it led to; null where it need not. */
  returnsReasoning: 'reasoning_content' | 'reasoning_details' | null
  /** Whether answers can be held to a JSON Schema; where not, such a request is refused. */
  takesJsonSchema: boolean
  /** Which ids of tool calls are taken. */
  toolCallIds: 'any' | 'nine_alphanumerics'
  /** Whether `stream_options.include_usage` must ask for the usage of a stream. */
  asksStreamUsage: boolean
  /** Whether vectors may be asked for in base64, a quarter of the size. */
  takesBase64Vectors: boolean
  /** Name of the length of vectors. */
  dimensionsField: 'dimensions' | 'output_dimension'
  /** Whether the server fetches images by address; where not (servers in one's own network), we do. */
  fetchesImages: boolean
  /** The shape of audio and file parts of a chat. */
  mediaParts: 'openai' | 'mistral'
  /** How the size of an image is asked for. */
  imageSize: 'size' | 'width_and_height'
  /** What `response_format` of an image request says when bytes are wanted. */
  imageFormatWord: 'b64_json' | 'base64'
  /** xAI counts reasoning beside `completion_tokens`, all others within. */
  countsReasoningApart: boolean
  /** The field of `usage` that says what the call cost, and its units for a US dollar; null where there is none. */
  reportedCost: { field: string; unitsPerUsd: number } | null
  /** Path that answers 401 for a wrong key. */
  keyCheckPath: string
}

/** OpenAI itself. Source: OpenAPI description 2.3.0. */
export const openAiDialect: OpenAiDialect = {
  capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING', 'IMAGE_GENERATION', 'AUDIO_TRANSCRIPTION', 'AUDIO_TRANSLATION'],
  keyHeader: 'authorization',
  maxTokensField: 'max_completion_tokens',
  seedField: 'seed',
  takesTopK: false,
  takesUser: true,
  takesNames: true,
  reasoning: 'reasoning_effort',
  returnsReasoning: null,
  takesJsonSchema: true,
  toolCallIds: 'any',
  asksStreamUsage: true,
  takesBase64Vectors: true,
  dimensionsField: 'dimensions',
  fetchesImages: true,
  mediaParts: 'openai',
  imageSize: 'size',
  imageFormatWord: 'b64_json',
  countsReasoningApart: false,
  reportedCost: null,
  keyCheckPath: '/models',
}
