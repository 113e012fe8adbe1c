import { describe, expect, it } from 'vitest'
import { chooseModels, type ModelSources } from '../../../src/stack/model-choice.ts'
import { chooseOllamaModels } from '../../../src/stack/ollama.ts'
import { modelKinds } from '../../../src/stack/stack-addresses.ts'

const local: ModelSources = {
  ollama: undefined,
  language: { baseUrl: 'http://127.0.0.1:1/v1' },
  speech: { baseUrl: 'http://127.0.0.1:2/v1' },
  double: { baseUrl: 'http://127.0.0.1:3/v1' },
}
const ollama = { baseUrl: 'http://127.0.0.1:11434', models: { chat: 'llama3.2:1b', embedding: 'nomic-embed-text' } }
const nothing: ModelSources = {
  ...local,
  language: { missing: 'no Python. Install it.' },
  speech: { missing: 'no Python. Install it.' },
}

function sourcesOf(sources: ModelSources): string {
  const chosen = chooseModels(sources)
  return modelKinds.map((kind) => chosen[kind].source).join(' ')
}

describe('the choice of models (chat, completion, embedding, image, transcription, translation)', () => {
  it.each([
    ['local weights', local, 'local local local double local local'],
    ['Ollama with both', { ...local, ollama }, 'ollama ollama ollama double local local'],
    [
      'Ollama without an embedding model',
      { ...local, ollama: { ...ollama, models: { chat: 'llama3.2:1b' } } },
      'ollama ollama local double local local',
    ],
    [
      'Ollama with no model at all',
      { ...local, ollama: { ...ollama, models: {} } },
      'local local local double local local',
    ],
    ['nothing real', nothing, 'double double double double double double'],
    ['only speech missing', { ...local, speech: nothing.speech }, 'local local local double double double'],
  ] as const)('with %s', (_name, sources, expected) => {
    expect(sourcesOf(sources)).toBe(expected)
  })

  it('speaks the wire format of its source', () => {
    const chosen = chooseModels({ ...local, ollama })
    expect(chosen.chat).toMatchObject({ provider: 'ollama', baseUrl: ollama.baseUrl, model: 'llama3.2:1b' })
    expect(chosen.embedding.model).toBe('nomic-embed-text')
    expect(chosen.audioTranscription).toMatchObject({ provider: 'openai', model: 'whisper-base' })
    expect(chosen.imageGeneration).toMatchObject({ provider: 'openai', model: 'double-image-1' })
  })

  it('says of a double that it is one and how to get the real thing', () => {
    expect(chooseModels(nothing).chat.reason).toMatch(/double.*Install it/)
  })
})

describe('the choice among installed Ollama models', () => {
  const model = (name: string, sizeBytes: number, ...capabilities: string[]) => ({ name, sizeBytes, capabilities })

  it('takes the smallest for each purpose', () => {
    const models = [
      model('big', 9e9, 'completion', 'tools'),
      model('small', 1e9, 'completion'),
      model('vectors', 3e8, 'embedding'),
    ]
    expect(chooseOllamaModels(models)).toEqual({ chat: 'small', embedding: 'vectors' })
  })

  it('goes by the name where no capabilities are listed', () => {
    expect(chooseOllamaModels([model('nomic-embed-text', 3e8), model('qwen3:0.6b', 5e8)])).toEqual({
      chat: 'qwen3:0.6b',
      embedding: 'nomic-embed-text',
    })
  })

  it('takes none where none fits', () => {
    expect(chooseOllamaModels([])).toEqual({})
  })
})
