/**
 * Differential test: one conversation through the adapters of two formats, and by bare requests, against one real model
 * behind llama.cpp's own server, which speaks both. At temperature 0 all must say the same.
 */
import { afterAll, describe, expect, inject, it } from 'vitest'
import { AnthropicProvider } from '../../../src/providers/anthropic/anthropic-provider.ts'
import { HttpMediaFetcher } from '../../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient } from '../../../src/providers/http/undici-http-client.ts'
import { OpenAiProvider } from '../../../src/providers/openai/openai-provider.ts'
import type { ChatDelta, ModelProvider } from '../../../src/providers/provider.ts'
import { chatInput, message, noSampling, text } from '../../unit/providers/inputs.ts'
import { dialectOf } from '../../unit/providers/openai/dialect-of.ts'

const { models } = inject('stack')
const endpoint = models.chat ?? { source: 'none', baseUrl: 'http://127.0.0.1:1', model: '' }
const media = new HttpMediaFetcher()
// llama.cpp may close a connection after a stream without a word, just when the next request leaves: each call has its own here.
const clients: UndiciHttpClient[] = []
const newClient = () => {
  const client = new UndiciHttpClient()
  clients.push(client)
  return client
}
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await media.close()
})

const parts = () => ({ baseUrl: new URL(endpoint.baseUrl), key: null, http: newClient(), media })
const context = () => ({ signal: new AbortController().signal, idempotencyKey: 'k', timeoutMs: 60_000 })

async function bare(path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${endpoint.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: endpoint.model, temperature: 0, ...body }),
  })
  return (await response.json()) as Record<string, unknown>
}

/** What must be the same however it was asked. The cache moves tokens from one class of input to another. */
async function said(provider: ModelProvider, question: string, maxOutputTokens: number, isStreamed: boolean) {
  const deltas: ChatDelta[] = []
  const input = chatInput({
    messages: [message('SYSTEM', text('You are brief.')), message('USER', text(question))],
    sampling: { ...noSampling, temperature: 0, maxOutputTokens },
  })
  const stream = isStreamed ? { onDelta: (delta: ChatDelta) => void deltas.push(delta) } : {}
  const answer = await provider.chat({ model: endpoint.model, input }, { ...context(), ...stream })
  if (isStreamed) {
    expect(deltas.map((delta) => (delta.kind === 'TEXT' ? delta.text : '?')).join('')).toBe(answer.output.text)
  }
  const { inputUncachedTokens = 0, inputCacheReadTokens = 0, outputTokens } = answer.usage ?? {}
  const { finishReason } = answer
  return {
    text: answer.output.text,
    finishReason,
    inputTokens: inputUncachedTokens + inputCacheReadTokens,
    outputTokens,
  }
}

// Whoever runs this with Ollama gets its models, which speak another format at that address.
describe.runIf(endpoint.source === 'local')('a real model', () => {
  const openai = () => new OpenAiProvider({ ...parts(), id: 'llama-cpp', dialect: dialectOf('llama-cpp') })
  const anthropic = () => new AnthropicProvider({ ...parts(), id: 'llama-cpp-messages', fetchesImages: false })

  it.each([
    ['Name three colours.', 40],
    ['Repeat exactly: Grüezi 🌟🌟🌟', 16],
    ['Count from one to a hundred.', 5],
  ])('answers %j the same through both formats, streamed or not, and as to a bare request', async (question, limit) => {
    const system = 'You are brief.'
    const user = { role: 'user', content: question }
    const chat = await bare('/chat/completions', {
      max_tokens: limit,
      messages: [{ role: 'system', content: system }, user],
    })
    const note = await bare('/messages', { max_tokens: limit, system, messages: [user] })
    const choice = Object((chat['choices'] as unknown[])[0])
    const usage = Object(chat['usage'])
    const expected = {
      text: choice.message.content,
      finishReason: choice.finish_reason === 'length' ? 'LENGTH' : 'STOP',
      inputTokens: usage.prompt_tokens,
      outputTokens: usage.completion_tokens,
    }
    const noted = Object(note['usage'])
    expect({
      text: Object((note['content'] as unknown[])[0]).text,
      finishReason: note['stop_reason'] === 'max_tokens' ? 'LENGTH' : 'STOP',
      inputTokens: noted.input_tokens + (noted.cache_read_input_tokens ?? 0),
      outputTokens: noted.output_tokens,
    }).toEqual(expected)
    for (const newProvider of [openai, anthropic]) {
      for (const isStreamed of [false, true]) {
        const provider = newProvider()
        expect(await said(provider, question, limit, isStreamed), `${provider.id} ${isStreamed}`).toEqual(expected)
      }
    }
  })

  it('counts the tokens that it then reports', async () => {
    const input = chatInput({ messages: [message('USER', text('How many tokens are these, do you think?'))] })
    const counted = await anthropic().countTokens({ model: endpoint.model, input }, context())
    const sampling = { ...noSampling, temperature: 0, maxOutputTokens: 1 }
    const { usage } = await anthropic().chat({ model: endpoint.model, input: { ...input, sampling } }, context())
    expect(counted).toBe((usage?.inputUncachedTokens ?? 0) + (usage?.inputCacheReadTokens ?? 0))
  })

  it('lists itself, and knows a conversation that is too long', async () => {
    const long = chatInput({ messages: [message('USER', text('word '.repeat(6000)))] })
    for (const provider of [openai(), anthropic()]) {
      expect(await provider.listModels(context())).toContain(endpoint.model)
      await expect(provider.chat({ model: endpoint.model, input: long }, context())).rejects.toMatchObject({
        code: 'CONTEXT_LENGTH',
      })
    }
  })
})
