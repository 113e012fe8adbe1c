import type { ProviderDefinition } from '../contract/types.ts'
import { anthropicFeatures } from './anthropic/anthropic-features.ts'
import type { ProviderFeatures } from './features.ts'
import { geminiFeatures } from './gemini/gemini-features.ts'
import { ollamaFeatures } from './ollama/ollama-features.ts'
import { type OpenAiDialect, openAiDialect } from './openai/openai-dialect.ts'
import { openAiFeatures } from './openai/openai-features.ts'

/** A provider that is known without being registered: data, no code. */
export type Preset = PresetAddress & WireFormat

/** What a wire format needs to know of a preset; each format has one folder and one case in provider-factory.ts. */
export type WireFormat =
  | { format: 'openai'; dialect: OpenAiDialect }
  | { format: 'anthropic'; fetchesImages: boolean }
  | { format: 'gemini' }
  | { format: 'ollama' }

/** Name, address and key of a preset. */
export interface PresetAddress {
  name: string
  /** Null where the operator must give it. */
  baseUrl: string | null
  /** Appended to a base address that has no path. */
  defaultPath: string
  /** Where its key is looked for, sent to its own host only; empty where none is needed. */
  keyReferences: readonly string[]
  defaultModel: string | null
}

/** A server that speaks OpenAI's protocol in its oldest and most widely understood form. */
const compatible: OpenAiDialect = {
  ...openAiDialect,
  maxTokensField: 'max_tokens',
  takesTopK: true,
  takesBase64Vectors: false,
}

/** A compatible server in one's own network: it must not be made to fetch addresses for strangers. */
const local: OpenAiDialect = { ...compatible, fetchesImages: false }

const chatOnly = ['CHAT'] as const

/** One row a provider. The hints say where its differences are documented. */
const table: readonly Preset[] = [
  hosted('openai', 'https://api.openai.com/v1', openAiDialect, 'gpt-5-mini'),
  // learn.microsoft.com, Azure OpenAI v1 API: the deployment's name is the model; host and query are the operator's.
  {
    ...hosted('azure-openai', null, { ...openAiDialect, keyHeader: 'api-key' }),
    defaultPath: '/openai/v1',
  },
  // console.groq.com/docs: no embeddings; usage comes in the last choice chunk.
  hosted('groq', 'https://api.groq.com/openai/v1', {
    ...openAiDialect,
    capabilities: ['CHAT', 'AUDIO_TRANSCRIPTION', 'AUDIO_TRANSLATION'],
  }),
  // Mistral's TypeScript client 2.6: random_seed, output_dimension, document_url; unknown fields are refused with 422.
  hosted(
    'mistral',
    'https://api.mistral.ai/v1',
    {
      ...openAiDialect,
      capabilities: ['CHAT', 'EMBEDDING', 'AUDIO_TRANSCRIPTION'],
      maxTokensField: 'max_tokens',
      seedField: 'random_seed',
      takesUser: false,
      asksStreamUsage: false,
      takesBase64Vectors: false,
      dimensionsField: 'output_dimension',
      mediaParts: 'mistral',
      takesNames: false,
      reasoning: 'high_or_none',
      toolCallIds: 'nine_alphanumerics',
    },
    'mistral-small-latest',
  ),
  // api-docs.deepseek.com: no seed, no JSON schema; thinking is on unless switched off.
  {
    ...hosted(
      'deepseek',
      'https://api.deepseek.com',
      {
        ...openAiDialect,
        capabilities: chatOnly,
        maxTokensField: 'max_tokens',
        seedField: null,
        takesUser: false,
        takesJsonSchema: false,
        reasoning: 'thinking_switch',
        returnsReasoning: 'reasoning_content',
      },
      'deepseek-chat',
    ),
    defaultPath: '',
  },
  // openrouter.ai/docs: `reasoning` object; usage accounting in credits, of which each is a dollar; GET /models is public,
  // so GET /key checks the key.
  hosted('openrouter', 'https://openrouter.ai/api/v1', {
    ...compatible,
    capabilities: chatOnly,
    reasoning: 'reasoning_object',
    returnsReasoning: 'reasoning_details',
    reportedCost: { field: 'cost', unitsPerUsd: 1 },
    keyCheckPath: '/key',
  }),
  // docs.together.ai: images in `base64`, by width and height; GET /models gives a bare list.
  hosted('together', 'https://api.together.xyz/v1', {
    ...compatible,
    capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING', 'IMAGE_GENERATION'],
    imageFormatWord: 'base64',
    imageSize: 'width_and_height',
  }),
  // docs.x.ai: reasoning tokens stand beside completion_tokens; cost tracking in ticks.
  hosted('xai', 'https://api.x.ai/v1', {
    ...openAiDialect,
    capabilities: ['CHAT', 'IMAGE_GENERATION'],
    countsReasoningApart: true,
    reportedCost: { field: 'cost_in_usd_ticks', unitsPerUsd: 1e10 },
  }),
  hosted('fireworks', 'https://api.fireworks.ai/inference/v1', {
    ...compatible,
    capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING'],
  }),
  // docs.claude.com: the Messages API.
  {
    name: 'anthropic',
    format: 'anthropic',
    fetchesImages: true,
    baseUrl: 'https://api.anthropic.com/v1',
    defaultPath: '/v1',
    keyReferences: [keyReferenceOf('anthropic')],
    defaultModel: 'claude-sonnet-4-5',
  },
  // Servers that speak like it: llama.cpp, Ollama, MiniMax, DeepSeek, gateways.
  {
    name: 'anthropic-compatible',
    format: 'anthropic',
    fetchesImages: false,
    baseUrl: null,
    defaultPath: '/v1',
    keyReferences: [],
    defaultModel: null,
  },
  // ai.google.dev/api: the native format; kind openai-compatible with `…/v1beta/openai` is the other way.
  {
    name: 'gemini',
    format: 'gemini',
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    defaultPath: '/v1beta',
    keyReferences: [keyReferenceOf('gemini')],
    defaultModel: 'gemini-2.5-flash',
  },
  served('vllm', 'http://127.0.0.1:8000/v1', {
    ...local,
    capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING', 'AUDIO_TRANSCRIPTION', 'AUDIO_TRANSLATION'],
    takesBase64Vectors: true,
  }),
  served('llama-cpp', 'http://127.0.0.1:8080/v1', { ...local, capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING'] }),
  served('lm-studio', 'http://127.0.0.1:1234/v1', { ...local, capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING'] }),
  // Ollama's own protocol (docs/api.md of github.com/ollama/ollama): context size, keep-alive, thinking.
  {
    ...{ name: 'ollama', format: 'ollama', baseUrl: 'http://127.0.0.1:11434', defaultPath: '' },
    ...{ keyReferences: [], defaultModel: null },
  },
  // Its OpenAI-compatible side: no top_k, `max_tokens` only.
  served('ollama-openai', 'http://127.0.0.1:11434/v1', {
    ...local,
    capabilities: ['CHAT', 'COMPLETION', 'EMBEDDING'],
    takesTopK: false,
  }),
  served('openai-compatible', null, local),
]

/** All presets by name. */
export const presets: ReadonlyMap<string, Preset> = new Map(table.map((preset) => [preset.name, preset]))

/** What a preset's provider is able to do. */
export function presetFeatures(preset: Preset): ProviderFeatures {
  switch (preset.format) {
    case 'openai':
      return openAiFeatures(preset.dialect)
    case 'anthropic':
      return anthropicFeatures
    case 'gemini':
      return geminiFeatures
    case 'ollama':
      return ollamaFeatures
    default:
      return preset satisfies never
  }
}

/** A preset as it would be registered. */
export function presetDefinition({ name, baseUrl, keyReferences, defaultModel }: Preset): ProviderDefinition {
  return {
    id: name,
    kind: name,
    baseUrl,
    keyReferences: [...keyReferences],
    defaultModel,
    limits: null,
    metadata: {},
  }
}

function hosted(
  name: string,
  baseUrl: string | null,
  dialect: OpenAiDialect,
  defaultModel: string | null = null,
): Preset {
  const keyReferences = [keyReferenceOf(name)]
  return { name, format: 'openai', baseUrl, defaultPath: '/v1', keyReferences, defaultModel, dialect }
}

function served(name: string, baseUrl: string | null, dialect: OpenAiDialect): Preset {
  const open = { keyReferences: [], defaultModel: null }
  return { name, format: 'openai', baseUrl, defaultPath: '/v1', ...open, dialect }
}

function keyReferenceOf(name: string): string {
  return `MODEL_KEY_${name.toUpperCase().replaceAll('-', '_')}`
}
