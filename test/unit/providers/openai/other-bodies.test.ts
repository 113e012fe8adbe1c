import { describe, expect, it } from 'vitest'
import { sniffImageType } from '../../../../src/providers/media/sniff-image-type.ts'
import { openAiDialect } from '../../../../src/providers/openai/openai-dialect.ts'
import { toTranscriptionForm, toTranslationForm } from '../../../../src/providers/openai/to-audio-form.ts'
import { toCompletionBody } from '../../../../src/providers/openai/to-completion-body.ts'
import { toEmbeddingBody } from '../../../../src/providers/openai/to-embedding-body.ts'
import { toImageBody } from '../../../../src/providers/openai/to-image-body.ts'
import { smallPng } from '../../../../src/stack/double/small-png.ts'
import { imageInput, noSampling, transcriptionInput } from '../inputs.ts'
import { dialectOf } from './dialect-of.ts'

const context = { provider: 'openai', model: 'm', dialect: openAiDialect }

describe('toImageBody', () => {
  it.each([
    ['gpt-image-1', undefined],
    ['dall-e-3', 'b64_json'],
    ['anything-else', 'b64_json'],
  ])('%s: response_format %s', (model, format) => {
    expect(toImageBody(imageInput(), { ...context, model })['response_format']).toBe(format)
  })

  it('speaks of base64 to Together', () => {
    const dialect = dialectOf('together')
    expect(toImageBody(imageInput(), { ...context, dialect })['response_format']).toBe('base64')
  })

  it('sends what was asked for', () => {
    const input = imageInput({
      count: 2,
      size: '1024x1024',
      quality: 'low',
      background: 'opaque',
      outputFormat: 'webp',
    })
    expect(toImageBody(input, { ...context, model: 'gpt-image-1' })).toEqual({
      model: 'gpt-image-1',
      prompt: 'a cat',
      n: 2,
      size: '1024x1024',
      quality: 'low',
      background: 'opaque',
      output_format: 'webp',
    })
  })
})

describe('toCompletionBody', () => {
  it('limits by max_tokens, whatever chats use', () => {
    const sampling = { ...noSampling, maxOutputTokens: 5, temperature: 0 }
    const input = { prompt: 'Once', suffix: null, sampling, user: 'u', providerOptions: {} }
    expect(toCompletionBody(input, context)).toEqual({
      model: 'm',
      prompt: 'Once',
      temperature: 0,
      max_tokens: 5,
      user: 'u',
    })
  })
})

describe('toEmbeddingBody', () => {
  const input = { texts: ['a'], dimensions: 4, user: null, providerOptions: {} }

  it('asks for base64 where it is to be had', () => {
    expect(toEmbeddingBody(input, context)).toEqual({
      model: 'm',
      input: ['a'],
      encoding_format: 'base64',
      dimensions: 4,
    })
  })

  it('names the length as Mistral does', () => {
    const dialect = dialectOf('mistral')
    expect(toEmbeddingBody(input, { ...context, dialect })).toEqual({ model: 'm', input: ['a'], output_dimension: 4 })
  })
})

describe('audio forms', () => {
  const audio = { bytes: Buffer.from('x'), mediaType: 'audio/wav' }

  it('ends with the file, which has a name with an extension', () => {
    const form = toTranscriptionForm(transcriptionInput({ language: 'de' }), {
      provider: 'p',
      model: 'whisper-1',
      audio,
    })
    expect(form).toEqual([
      ['model', 'whisper-1'],
      ['response_format', 'json'],
      ['language', 'de'],
      ['file', { bytes: audio.bytes, mediaType: 'audio/wav', filename: 'media.wav' }],
    ])
  })

  it('asks for timestamps by verbose_json, and repeats lists', () => {
    const input = transcriptionInput({ timestamps: 'WORD', providerOptions: { 'include[]': '["logprobs"]' } })
    const form = toTranscriptionForm(input, { provider: 'p', model: 'm', audio })
    expect(form).toContainEqual(['response_format', 'verbose_json'])
    expect(form).toContainEqual(['timestamp_granularities[]', 'word'])
    expect(form).toContainEqual(['timestamp_granularities[]', 'segment'])
    expect(form).toContainEqual(['include[]', 'logprobs'])
  })

  it('asks whisper for the language of a translation', () => {
    const { audio: ref, prompt, temperature, providerOptions } = transcriptionInput()
    const input = { audio: ref, prompt, temperature, providerOptions }
    expect(toTranslationForm(input, { provider: 'p', model: 'whisper-1', audio })).toContainEqual([
      'response_format',
      'verbose_json',
    ])
    expect(toTranslationForm(input, { provider: 'p', model: 'other', audio })).toContainEqual([
      'response_format',
      'json',
    ])
  })

  it.each(['model', 'file', 'response_format'])('refuses a provider option that sets %s', (name) => {
    const input = transcriptionInput({ providerOptions: { [name]: '"x"' } })
    expect(() => toTranscriptionForm(input, { provider: 'p', model: 'm', audio })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    )
  })
})

it('tells image types by their first bytes', () => {
  expect(sniffImageType(smallPng('x'))).toBe('image/png')
  expect(sniffImageType(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toBe('image/jpeg')
  expect(sniffImageType(Buffer.from('GIF89a'))).toBe('image/gif')
  expect(sniffImageType(Buffer.from('RIFF1234WEBPVP8 '))).toBe('image/webp')
  expect(sniffImageType(Buffer.from('hello'))).toBeNull()
})
