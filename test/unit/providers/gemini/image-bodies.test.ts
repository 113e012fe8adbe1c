import { describe, expect, it } from 'vitest'
import { toEmbeddingBody } from '../../../../src/providers/gemini/to-embedding-body.ts'
import { toGeminiImageBody, toImagenBody } from '../../../../src/providers/gemini/to-image-body.ts'
import { toImageShape } from '../../../../src/providers/gemini/to-image-shape.ts'
import { imageInput } from '../inputs.ts'

const context = { provider: 'gemini', model: 'gemini-3-image' }
const refused = expect.objectContaining({ code: 'INVALID_REQUEST' })
const ratios = ['1:1', '3:2', '16:9', '9:16', '4:3']

describe('toImageShape', () => {
  it.each([
    ['1024x1024', { aspectRatio: '1:1' }],
    ['1536x1024', { aspectRatio: '3:2' }],
    ['1792x1024', { aspectRatio: '16:9' }],
    ['1024x1792', { aspectRatio: '9:16' }],
    ['1344x768', { aspectRatio: '16:9' }],
    ['2048x2048', { aspectRatio: '1:1', imageSize: '2K' }],
    ['3840x2160', { aspectRatio: '16:9', imageSize: '4K' }],
    ['1000x100', null],
    ['1024', null],
    ['0x0', null],
    ['1e3x1e3', null],
    ['-1x1', null],
    ['99999999x1', null],
  ])('%s is %o', (size, expected) => {
    expect(toImageShape(size, ratios)).toEqual(expected)
  })
})

describe('images', () => {
  it.each([
    { quality: 'hd' },
    { style: 'vivid' },
    { background: 'transparent' },
    { size: '1000x100' },
    { outputFormat: 'webp' },
    { providerOptions: { contents: '[]' } },
    { providerOptions: { sample_count: '9', generationConfig: '{"responseModalities":[]}' } },
  ])('refuse %o of either family', (fields) => {
    expect(() => toGeminiImageBody(imageInput(fields), context)).toThrow(refused)
    const isImagens = 'providerOptions' in fields && 'contents' in fields.providerOptions
    if (!isImagens) expect(() => toImagenBody(imageInput(fields), context)).toThrow(refused)
  })

  it('are made one at a time by Gemini', () => {
    expect(() => toGeminiImageBody(imageInput({ count: 2 }), context)).toThrow(refused)
    expect(() => toGeminiImageBody(imageInput({ outputFormat: 'png' }), context)).toThrow(refused)
  })

  it('say nothing of what may be automatic', () => {
    const input = imageInput({ size: 'auto', quality: 'auto', background: 'auto' })
    expect(toGeminiImageBody(input, context)['generationConfig']).toEqual({ responseModalities: ['IMAGE'] })
    expect(toImagenBody(input, context)['parameters']).toEqual({ sampleCount: 1 })
  })
})

describe('toEmbeddingBody', () => {
  const input = (count: number, providerOptions = {}) => ({
    texts: Array.from({ length: count }, () => 'a'),
    dimensions: null,
    user: null,
    providerOptions,
  })

  it('refuses more texts than one call takes, and options that would change what is asked', () => {
    expect(toEmbeddingBody(input(100), context)['requests']).toHaveLength(100)
    expect(() => toEmbeddingBody(input(101), context)).toThrow(refused)
    expect(() => toEmbeddingBody(input(1, { content: '{}' }), context)).toThrow(refused)
    expect(() => toEmbeddingBody(input(1, { model: '"x"' }), context)).toThrow(refused)
  })
})
