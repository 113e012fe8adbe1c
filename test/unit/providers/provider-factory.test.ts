import { describe, expect, it } from 'vitest'
import type { ProviderDefinition } from '../../../src/contract/types.ts'
import type { HttpClient, HttpRequest } from '../../../src/providers/http/http-client.ts'
import type { MediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { ConfiguredProviderFactory } from '../../../src/providers/provider-factory.ts'

const sent: HttpRequest[] = []
const answer = async (request: HttpRequest) => {
  sent.push(request)
  return { status: 200, headers: {}, body: Buffer.from('{"data":[]}') }
}
const httpClient: HttpClient = {
  get: answer,
  postJson: answer,
  postForm: answer,
  postJsonForEvents: answer,
  postJsonForLines: answer,
  close: async () => undefined,
}
const mediaFetcher: MediaFetcher = {
  maxTotalBytes: 1_000,
  load: async () => ({ bytes: Buffer.alloc(0), mediaType: '' }),
  close: async () => undefined,
}

function factory(env: Record<string, string> = {}, allowedHosts: string[] = []) {
  return new ConfiguredProviderFactory({ env, secretsDirectory: null, allowedHosts, httpClient, mediaFetcher })
}
function definition(fields: Partial<ProviderDefinition>): ProviderDefinition {
  return {
    id: 'p',
    kind: 'openai',
    baseUrl: null,
    keyReferences: [],
    defaultModel: null,
    limits: null,
    metadata: {},
    ...fields,
  }
}
const context = { signal: new AbortController().signal, timeoutMs: 1000 }
async function requestOf(
  fields: Partial<ProviderDefinition>,
  env: Record<string, string> = {},
  allowedHosts: string[] = [],
) {
  await factory(env, allowedHosts).get(definition(fields)).listModels(context)
  const { url, headers } = sent.at(-1) as HttpRequest
  return { url: url.href, authorization: headers['authorization'] ?? headers['api-key'] }
}

describe('ConfiguredProviderFactory', () => {
  it('knows its presets, sorted', () => {
    const { presets } = factory()
    expect(presets).toEqual([...presets].sort())
    expect(presets).toEqual(
      expect.arrayContaining(['openai', 'azure-openai', 'groq', 'mistral', 'ollama', 'llama-cpp']),
    )
    expect(factory().preset('openai')).toMatchObject({ id: 'openai', keyReferences: ['MODEL_KEY_OPENAI'] })
    expect(factory().preset('nobody')).toBeNull()
  })

  it('calls a preset with its own key', async () => {
    expect(await requestOf({}, { MODEL_KEY_OPENAI: 'k' })).toEqual({
      url: 'https://api.openai.com/v1/models',
      authorization: 'Bearer k',
    })
  })

  it('speaks Gemini to Gemini, its key in its own header', async () => {
    const { keyReferences, baseUrl } = factory().preset('gemini') ?? {}
    expect({ keyReferences, baseUrl }).toEqual({
      keyReferences: ['MODEL_KEY_GEMINI'],
      baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    })
    const provider = factory({ MODEL_KEY_GEMINI: 'k' }).get(definition({ kind: 'gemini' }))
    expect(provider.capabilities).toEqual(['CHAT', 'EMBEDDING', 'IMAGE_GENERATION'])
    await provider.checkKey(context).catch(() => undefined)
    expect(sent.at(-1)).toMatchObject({
      url: new URL('https://generativelanguage.googleapis.com/v1beta/models?pageSize=1'),
      headers: { 'x-goog-api-key': 'k' },
    })
    expect(factory().infer('gemini-3-flash')).toBe('gemini')
  })

  it('keeps the query of the base address, and the header, for Azure', async () => {
    const baseUrl = 'https://mine.openai.azure.com/openai/v1?api-version=preview'
    const env = { MODEL_KEY_AZURE_OPENAI: 'k' }
    expect(await requestOf({ kind: 'azure-openai', baseUrl }, env, ['mine.openai.azure.com'])).toEqual({
      url: 'https://mine.openai.azure.com/openai/v1/models?api-version=preview',
      authorization: 'k',
    })
  })

  it('adds the usual path to a bare address, and needs no key on this machine', async () => {
    expect(await requestOf({ kind: 'ollama-openai', baseUrl: 'http://127.0.0.1:11434' })).toEqual({
      url: 'http://127.0.0.1:11434/v1/models',
      authorization: undefined,
    })
  })

  it('speaks to Ollama in its own protocol, registered with the address of either', async () => {
    for (const baseUrl of ['http://127.0.0.1:11434', 'http://127.0.0.1:11434/v1', null]) {
      expect(await requestOf({ kind: 'ollama', baseUrl })).toMatchObject({ url: 'http://127.0.0.1:11434/api/tags' })
    }
  })

  it('never sends the key of a preset to another host', async () => {
    const env = { MODEL_KEY_OPENAI: 'k' }
    expect(await requestOf({ baseUrl: 'http://localhost:9/v1' }, env)).toMatchObject({ authorization: undefined })
    expect(await requestOf({ baseUrl: 'https://llm.example.org/v1' }, env, ['llm.example.org'])).toMatchObject({
      authorization: undefined,
    })
  })

  it.each([
    ['a foreign host', { baseUrl: 'https://evil.example.org/v1' }, 'INVALID_REQUEST', /PROVIDER_ALLOWED_HOSTS/],
    ['a preset unencrypted', { baseUrl: 'http://api.openai.com/v1' }, 'INVALID_REQUEST', /PROVIDER_ALLOWED_HOSTS/],
    ['a look-alike', { baseUrl: 'https://api.openai.com.example.org/v1' }, 'INVALID_REQUEST', /allow-list/],
    ['this machine under another name', { baseUrl: 'http://[::ffff:127.0.0.1]/v1' }, 'INVALID_REQUEST', /allow-list/],
    ['any address of this machine', { baseUrl: 'http://0.0.0.0:9/v1' }, 'INVALID_REQUEST', /allow-list/],
    ['cloud metadata', { baseUrl: 'http://169.254.169.254/v1' }, 'INVALID_REQUEST', /allow-list/],
    ['a password', { baseUrl: 'https://:pass@api.openai.com/v1' }, 'INVALID_REQUEST', /baseUrl/],
    ['another scheme', { baseUrl: 'file:///etc/passwd' }, 'INVALID_REQUEST', /baseUrl/],
    ['a user name', { baseUrl: 'http://api.openai.com@127.0.0.1/v1' }, 'INVALID_REQUEST', /user name/],
    ['no address at all', { kind: 'azure-openai' }, 'INVALID_REQUEST', /needs a baseUrl/],
    ['an unknown kind', { kind: 'cohere' }, 'PROVIDER_UNKNOWN', /azure-openai.*xai/],
    ['no key', {}, 'PROVIDER_AUTHENTICATION', /MODEL_KEY_OPENAI/],
  ])('refuses %s', (_name, fields, code, message) => {
    expect(() => factory().get(definition(fields))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })

  it('keeps an adapter until its definition or its key changes', () => {
    const env: Record<string, string> = { MODEL_KEY_OPENAI: 'k' }
    const made = factory(env)
    const first = made.get(definition({}))
    expect(made.get(definition({ defaultModel: 'other' }))).toBe(first)
    expect(made.get(definition({ baseUrl: 'http://127.0.0.1:1/v1' }))).not.toBe(first)
    const second = made.get(definition({}))
    env['MODEL_KEY_OPENAI'] = 'rotated'
    expect(made.get(definition({}))).not.toBe(second)
  })

  it('builds an adapter for each key that there is, and takes up what changes without being made anew', () => {
    const env: Record<string, string> = { MODEL_KEY_ONE: 'k1', MODEL_KEY_THREE: 'k3', MODEL_KEY_FOUR: 'k1' }
    const made = factory(env)
    const references = ['MODEL_KEY_ONE', 'MODEL_KEY_TWO', 'MODEL_KEY_THREE', 'MODEL_KEY_FOUR']
    const keysOf = () => made.keyed(definition({ keyReferences: references }))
    // The second leads to nothing, the fourth to the key of the first.
    expect(keysOf().map(({ key }) => key)).toEqual(['MODEL_KEY_ONE', 'MODEL_KEY_THREE'])
    const [one, three] = keysOf()
    expect(made.get(definition({ keyReferences: references }))).toBe(one?.adapter)
    env['MODEL_KEY_TWO'] = 'k2'
    env['MODEL_KEY_THREE'] = 'rotated'
    const [oneAgain, two, threeAgain] = keysOf()
    expect([two?.key, threeAgain?.key]).toEqual(['MODEL_KEY_TWO', 'MODEL_KEY_THREE'])
    expect(oneAgain).toBe(one)
    expect(threeAgain?.adapter).not.toBe(three?.adapter)
    expect(made.keyed(definition({ kind: 'ollama', baseUrl: 'http://127.0.0.1:1/v1' }))).toMatchObject([{ key: null }])
  })

  it('serves with the keys that are good while another is not, and says what is wrong when none is', () => {
    const references = ['MODEL_KEY_ONE', 'MODEL_KEY_TWO']
    const keysOf = (env: Record<string, string>) => factory(env).keyed(definition({ keyReferences: references }))
    expect(keysOf({ MODEL_KEY_ONE: 'two words', MODEL_KEY_TWO: 'k2' })).toMatchObject([{ key: 'MODEL_KEY_TWO' }])
    expect(() => keysOf({})).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/ONE or MODEL_KEY_TWO/) }),
    )
    expect(() => keysOf({ MODEL_KEY_ONE: 'two words' })).toThrow(/holds spaces/)
  })

  it.each([
    ['gpt-5', 'openai'],
    ['o3-mini', 'openai'],
    ['o1', 'openai'],
    ['text-embedding-3-small', 'openai'],
    ['dall-e-3', 'openai'],
    ['whisper-1', 'openai'],
    ['tts-1', 'openai'],
    ['claude-opus-4', 'anthropic'],
    ['gemini-2.5-pro', 'gemini'],
    ['command-r', 'cohere'],
    ['mistral-large-latest', 'mistral'],
    ['codestral-latest', 'mistral'],
    ['deepseek-chat', 'deepseek'],
    ['grok-4', 'xai'],
    ['gpt-oss:20b', null],
    ['llama3', null],
    ['olmo', null],
    ['', null],
  ])('infers from %s the provider %s', (model, provider) => {
    expect(factory().infer(model)).toBe(provider)
  })
})
