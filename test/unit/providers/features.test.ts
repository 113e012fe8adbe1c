import { describe, expect, it } from 'vitest'
import {
  capabilitiesOf,
  onlyFeatures,
  type ProviderFeature,
  providerFeatures,
} from '../../../src/providers/features.ts'
import { presetFeatures, presets } from '../../../src/providers/presets.ts'

describe('onlyFeatures', () => {
  it('declares every feature', () => {
    const declared = onlyFeatures('chat', 'seed')
    expect(Object.keys(declared)).toEqual(Object.keys(providerFeatures))
    expect(Object.entries(declared).filter(([, has]) => has)).toEqual([
      ['chat', true],
      ['seed', true],
    ])
  })
})

describe('capabilitiesOf', () => {
  it('names a request type by its feature', () => {
    expect(capabilitiesOf(onlyFeatures('embeddings', 'chat', 'listModels'))).toEqual(['CHAT', 'EMBEDDING'])
  })
})

/** What has no sense without something else. */
const needs: Partial<Record<ProviderFeature, ProviderFeature>> = {
  streaming: 'chat',
  streamUsage: 'streaming',
  toolChoice: 'tools',
  parallelToolCalls: 'tools',
  toolResultImages: 'tools',
  jsonSchema: 'chat',
  reasoningOutput: 'chat',
  embeddingDimensions: 'embeddings',
}

describe.each([...presets.values()])('features of $name', (preset) => {
  const features = presetFeatures(preset)

  it('are declared, all of them', () => {
    expect(Object.keys(features).sort()).toEqual(Object.keys(providerFeatures).sort())
  })

  it('make the request types that the adapter serves', () => {
    const served = preset.format === 'openai' ? preset.dialect.capabilities : null
    if (served !== null) expect([...capabilitiesOf(features)].sort()).toEqual([...served].sort())
  })

  it('hang together', () => {
    const torn = Object.entries(needs).filter(([has, needed]) => features[has as ProviderFeature] && !features[needed])
    expect(torn).toEqual([])
  })
})
