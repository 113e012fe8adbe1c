import { describe, expect, test } from 'vitest'
import type { ModelDefinitionDraft, ModelRequestDraft } from '../../../src/contract/types.ts'
import { estimatedCost } from '../../../src/routing/estimated-cost.ts'
import { chatRequest, modelDefinition, providerDefinition } from '../model-service/fakes.ts'

const price = {
  inputPerMillionTokens: '1',
  outputPerMillionTokens: '10',
  perImage: '0.04',
  perAudioMinute: '0.006',
}

function cost(
  input: ModelRequestDraft['input'],
  model: Partial<ModelDefinitionDraft> = {},
  parameters: Record<string, string> = {},
) {
  const definition = modelDefinition({ id: 'm', price, ...model })
  const candidate = { definition, provider: providerDefinition({ id: 'p' }), providerModel: 'm', parameters }
  const request = chatRequest({ input })
  return estimatedCost({ input: request.input, inputTokens: 1_000, candidate, at: 0, registryVersion: 7 })
}

const chat = (maxOutputTokens: number | null): ModelRequestDraft['input'] => ({
  type: 'ChatInput',
  messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'x' }] }],
  sampling: { maxOutputTokens },
})

describe('the estimated cost', () => {
  test.each<[string, ModelRequestDraft['input'], string]>([
    ['prices the output that is asked for', chat(2_000), '0.021'],
    ['assumes 500 tokens where nothing is asked', chat(null), '0.006'],
    ['of embeddings is that of the input', { type: 'EmbeddingInput', texts: ['x'] }, '0.001'],
    ['counts the images', { type: 'ImageGenerationInput', prompt: 'x', count: 2 }, '0.081'],
    [
      'takes a recording for a minute',
      { type: 'AudioTranscriptionInput', audio: { bytes: Buffer.from('x'), mediaType: 'audio/wav' } },
      '0.007',
    ],
  ])('%s', (_name, input, amount) => {
    expect(cost(input)).toMatchObject({ amount, currency: 'USD', priceCardVersion: 'registry@7' })
  })

  test('follows the parameters of target and model, and the most that the model can say', () => {
    expect(cost(chat(null), {}, { maxOutputTokens: '100' }).amount).toBe('0.002')
    expect(cost(chat(null), { defaultParameters: { maxOutputTokens: '200' } }).amount).toBe('0.003')
    expect(cost(chat(9_000), { maxOutputTokens: 300 }).amount).toBe('0.004')
  })

  test('is unknown where the price is, or where what is asked for is nonsense', () => {
    expect(cost(chat(1), { price: null })).toMatchObject({ amount: null, unknownReason: 'PRICE_UNKNOWN' })
    expect(cost(chat(-5))).toMatchObject({ amount: null, unknownReason: 'USAGE_UNKNOWN' })
  })
})
