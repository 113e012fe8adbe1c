import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRequest } from '../../../../src/cli/send/read-request.ts'
import { requestFromFlags } from '../../../../src/cli/send/request-from-flags.ts'
import { UsageError } from '../../../../src/cli/usage-error.ts'
import { maxMessageBytes } from '../../../../src/contract/topics.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'send-'))
  writeFileSync(path.join(folder, 'speech.wav'), 'RIFF')
  writeFileSync(path.join(folder, 'picture.png'), 'PNG')
  writeFileSync(path.join(folder, 'unknown'), '?')
  writeFileSync(path.join(folder, 'large.wav'), Buffer.alloc(maxMessageBytes + 1))
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (content: unknown, overrides = {}) =>
  readRequest(
    { name: 'request.json', text: typeof content === 'string' ? content : JSON.stringify(content), folder },
    overrides,
  )
const chat = { type: 'ChatInput', messages: [{ role: 'USER', content: [{ kind: 'TEXT', text: 'Hi' }] }] }
const audio = (bytes: unknown, rest = {}) => ({ input: { type: 'AudioTranscriptionInput', audio: { bytes, ...rest } } })

describe('readRequest', () => {
  it('fills in defaults and makes up a request id', () => {
    const request = read({ model: 'm', input: chat })
    expect(request.requestId).toMatch(/^[0-9a-f-]{36}$/)
    expect(request).toMatchObject({ model: 'm', lane: 'NORMAL', stream: false, onUncertain: 'RETRY' })
    expect(request.input).toMatchObject({ type: 'ChatInput', tools: [] })
  })

  it('takes a file that begins with a byte order mark', () => {
    expect(read(`\ufeff${JSON.stringify({ model: 'm', input: chat })}`)).toMatchObject({ model: 'm' })
    expect(() => read('\ufeff{')).toThrow('not JSON (line 1, column 2)')
  })

  it('lets the command line count over the file', () => {
    const request = read({ requestId: 'r1', model: 'a', input: chat }, { model: 'b', tenant: 't' })
    expect(request).toMatchObject({ requestId: 'r1', model: 'b', tenant: 't' })
  })

  it('reads media from files relative to the request, and from base64', () => {
    expect(read(audio({ $file: 'speech.wav' })).input).toMatchObject({
      audio: { bytes: Buffer.from('RIFF'), mediaType: 'audio/wav', filename: 'speech.wav' },
    })
    expect(read(audio('UklGRg==', { mediaType: 'audio/wav' })).input).toMatchObject({
      audio: { bytes: Buffer.from('RIFF') },
    })
  })

  it('leaves provider options alone', () => {
    const input = { ...chat, providerOptions: { bytes: '12' } }
    expect(read({ input }).input).toMatchObject({ providerOptions: { bytes: '12' } })
  })

  it.each<[string, unknown, string]>([
    ['no JSON', '{\n  "model": oops', 'request.json: not JSON (line 2,'],
    ['cut short', '{"model": "m"', 'request.json: not JSON (line 1,'],
    ['no object', [1], 'request.json: expected a JSON object'],
    ['no input', { model: 'm' }, 'input: missing'],
    ['an input of an unknown type', { input: { type: 'Chat' } }, 'input'],
    [
      'a role that does not exist',
      { input: { ...chat, messages: [{ role: 'USR' }] } },
      'input.messages.0.role: expected one of',
    ],
    ['a misspelt field', { input: chat, modle: 'm' }, 'modle: unknown field'],
    ['a wrong type', { input: chat, stream: 'yes' }, 'stream: expected boolean'],
    ['an empty id', { input: chat, requestId: '' }, 'requestId: expected 1 to 128'],
    ['a tenant with a space', { input: chat, tenant: 'a b' }, 'tenant: expected 1 to 128'],
    ['bytes that are no base64', audio('###'), 'input.audio.bytes: expected base64 text'],
    ['a media file that is not there', audio({ $file: 'none.wav' }), 'input.audio.bytes:'],
    ['a media file that is too large', audio({ $file: 'large.wav' }), `expected at most ${maxMessageBytes}`],
    ['a media file of no known type', audio({ $file: 'unknown' }), 'input.audio.mediaType: expected one'],
    ['more beside $file', audio({ $file: 'speech.wav', x: 1 }), 'input.audio.bytes: expected base64 text, or {"$file"'],
  ])('refuses %s, naming the path', (_, content, expected) => {
    expect(() => read(content)).toThrow(UsageError)
    expect(() => read(content)).toThrow(expect.objectContaining({ message: expect.stringContaining(expected) }))
  })
})

describe('requestFromFlags', () => {
  const flags = { type: 'chat', prompts: ['Hi'], system: null, files: [] } as const

  it('builds a chat with a system message and media', () => {
    const files = [path.join(folder, 'picture.png'), path.join(folder, 'speech.wav')]
    const { input } = requestFromFlags({ ...flags, system: 'Be brief', files }, { model: 'm' })
    expect(input).toMatchObject({
      type: 'ChatInput',
      messages: [
        { role: 'SYSTEM', content: [{ kind: 'TEXT', text: 'Be brief' }] },
        {
          role: 'USER',
          content: [{ kind: 'TEXT' }, { kind: 'IMAGE', media: { mediaType: 'image/png' } }, { kind: 'AUDIO' }],
        },
      ],
    })
  })

  it.each([
    ['completion', { prompts: ['a'] }, { type: 'CompletionInput', prompt: 'a' }],
    ['embedding', { prompts: ['a', 'b'] }, { type: 'EmbeddingInput', texts: ['a', 'b'] }],
    ['image', { prompts: ['a'] }, { type: 'ImageGenerationInput', prompt: 'a', count: 1 }],
  ] as const)('builds a request of type %s', (type, given, expected) => {
    expect(requestFromFlags({ ...flags, ...given, type }, {}).input).toMatchObject(expected)
  })

  it.each(['transcription', 'translation'] as const)('builds a %s from a recording', (type) => {
    const files = [path.join(folder, 'speech.wav')]
    expect(requestFromFlags({ ...flags, type, prompts: [], files }, {}).input).toMatchObject({
      audio: { mediaType: 'audio/wav' },
      prompt: null,
    })
  })

  it.each([
    ['a chat without a prompt', { prompts: [] }, 'needs --prompt'],
    ['two prompts for a chat', { prompts: ['a', 'b'] }, 'takes one --prompt'],
    ['a recording for an embedding', { type: 'embedding', files: ['x.wav'] }, 'takes no --file'],
    ['a transcription without a recording', { type: 'transcription' }, 'needs one --file'],
    ['a system message for an image', { type: 'image', system: 'x' }, '--system goes with'],
  ] as const)('refuses %s', (_, given, expected) => {
    expect(() => requestFromFlags({ ...flags, ...given }, {})).toThrow(expected)
  })
})
