import { LANGUAGE_MODEL, SPEECH_MODEL } from './local-models.ts'
import type { OllamaModels } from './ollama.ts'
import { type ModelEndpoint, type ModelKind, modelKinds } from './stack-addresses.ts'

/** What there is to choose from. */
export interface ModelSources {
  ollama: { baseUrl: string; models: OllamaModels } | undefined
  /** The local servers' base addresses, or why there is none. */
  language: { baseUrl: string } | { missing: string }
  speech: { baseUrl: string } | { missing: string }
  double: { baseUrl: string }
}

/** The names under which the double answers. */
const doubleModels: Readonly<Record<ModelKind, string>> = {
  chat: 'double-chat-1',
  completion: 'double-chat-1',
  embedding: 'double-embedding-1',
  imageGeneration: 'double-image-1',
  audioTranscription: 'double-audio-1',
  audioTranslation: 'double-audio-1',
}

/** Ollama before the local weights before the double, for each kind of request on its own, each with its reason. */
export function chooseModels(sources: ModelSources): Record<ModelKind, ModelEndpoint> {
  const chosen = modelKinds.map((kind) => [kind, chooseModel(kind, sources)] as const)
  return Object.fromEntries(chosen) as Record<ModelKind, ModelEndpoint>
}

function chooseModel(kind: ModelKind, sources: ModelSources): ModelEndpoint {
  switch (kind) {
    case 'chat':
    case 'completion':
    case 'embedding':
      return (
        fromOllama(kind === 'embedding' ? 'embedding' : 'chat', sources) ?? fromLocal(kind, sources.language, sources)
      )
    case 'audioTranscription':
    case 'audioTranslation':
      return fromLocal(kind, sources.speech, sources)
    case 'imageGeneration':
      return double(
        kind,
        sources,
        'no package registry carries text-to-image weights; register an image model of a provider that you have a key for to get real pictures',
      )
    default:
      return kind satisfies never
  }
}

function fromOllama(purpose: 'chat' | 'embedding', { ollama }: ModelSources): ModelEndpoint | undefined {
  const model = ollama?.models[purpose]
  if (ollama === undefined || model === undefined) return undefined
  const reason = `Ollama answers at ${ollama.baseUrl} and has ${model}`
  return { source: 'ollama', provider: 'ollama', baseUrl: ollama.baseUrl, model, reason }
}

function fromLocal(kind: ModelKind, local: ModelSources['language'], sources: ModelSources): ModelEndpoint {
  if ('missing' in local) return double(kind, sources, local.missing)
  const isSpeech = kind === 'audioTranscription' || kind === 'audioTranslation'
  return {
    source: 'local',
    provider: 'openai',
    baseUrl: local.baseUrl,
    model: isSpeech ? SPEECH_MODEL : LANGUAGE_MODEL,
    reason: isSpeech
      ? 'real weights on this machine, no key needed (Whisper base)'
      : `${whyNoOllama(kind, sources)}; real weights on this machine, no key needed (SmolLM2 135M: small, fluent, often wrong)`,
  }
}

function double(kind: ModelKind, sources: ModelSources, why: string): ModelEndpoint {
  const reason = `a protocol double, its answers are canned: ${why}`
  return { source: 'double', provider: 'openai', baseUrl: sources.double.baseUrl, model: doubleModels[kind], reason }
}

function whyNoOllama(kind: ModelKind, { ollama }: ModelSources): string {
  if (ollama === undefined) return 'no Ollama answers'
  return `Ollama at ${ollama.baseUrl} has no ${kind === 'embedding' ? 'embedding' : 'chat'} model`
}
