/** What is compared: an adapter of the service, and two loops over undici with nothing around them. */
import { Agent, type Dispatcher } from 'undici'
import { completeDraft } from '../../src/codec/contract-type.ts'
import { HttpMediaFetcher } from '../../src/providers/http/media-fetcher.ts'
import { UndiciHttpClient } from '../../src/providers/http/undici-http-client.ts'
import type { CallContext } from '../../src/providers/provider.ts'
import { ConfiguredProviderFactory } from '../../src/providers/provider-factory.ts'
import { benchBody, benchModel, benchRequest } from '../workload.ts'
import type { BenchPace } from './answer-server.ts'
import { answerText, type BenchFormat } from './recorded-answers.ts'

/** `bytes` reads the answer and forgets it; `text` takes the text out of it, which is the least that a client must do. */
export const benchCallers = ['adapter', 'bytes', 'text'] as const

/** One of {@link benchCallers}. */
export type BenchCaller = (typeof benchCallers)[number]

/** What is called. */
export interface CallTarget {
  port: number
  format: BenchFormat
  pace: BenchPace
}

const kinds: Record<BenchFormat, string> = {
  openai: 'openai-compatible',
  anthropic: 'anthropic-compatible',
  gemini: 'gemini',
  ollama: 'ollama',
}

/** Makes one call; throws when the answer is not the recorded one. */
export function createCaller(caller: BenchCaller, target: CallTarget): () => Promise<void> {
  switch (caller) {
    case 'adapter':
      return adapterCaller(target)
    case 'bytes':
      return bareCaller(target, async (body) => {
        let size = 0
        for await (const chunk of body) size += (chunk as Buffer).length
        if (size < answerText.length) throw new Error('the answer is too short')
      })
    case 'text':
      return bareCaller(target, async (body) => {
        if ((await textOf(body, target)) !== answerText) throw new Error('the answer is another')
      })
    default:
      return caller satisfies never
  }
}

function adapterCaller({ port, format, pace }: CallTarget): () => Promise<void> {
  const factory = new ConfiguredProviderFactory({
    env: { MODEL_KEY_BENCH: 'bench' },
    secretsDirectory: null,
    allowedHosts: [],
    httpClient: new UndiciHttpClient(),
    mediaFetcher: new HttpMediaFetcher(),
  })
  const adapter = factory.get(
    completeDraft('ProviderDefinition', {
      id: 'bench',
      kind: kinds[format],
      baseUrl: `http://127.0.0.1:${port}/${pace}/${format}`,
      keyReferences: ['MODEL_KEY_BENCH'],
    }),
  )
  const { input } = completeDraft('ModelRequest', benchRequest('bench'))
  if (input.type !== 'ChatInput') throw new Error('the workload is no chat')
  const isStreamed = pace !== 'whole'
  return async () => {
    let streamed = 0
    const context: CallContext = {
      signal: new AbortController().signal,
      idempotencyKey: 'bench',
      timeoutMs: 60_000,
      ...(isStreamed && {
        onDelta: (delta) => {
          if (delta.kind === 'TEXT') streamed += delta.text.length
        },
      }),
    }
    const { output } = await adapter.chat({ model: benchModel, input }, context)
    if (output.text !== answerText || (isStreamed && streamed !== answerText.length)) {
      throw new Error('the answer is another')
    }
  }
}

function bareCaller(
  { port, format, pace }: CallTarget,
  read: (body: Dispatcher.ResponseData['body']) => Promise<void>,
): () => Promise<void> {
  const agent = new Agent({ pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  return async () => {
    const { statusCode, body } = await agent.request({
      origin: `http://127.0.0.1:${port}`,
      path: `/${pace}/${format}/chat`,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(benchBody),
    })
    if (statusCode !== 200) throw new Error(`the server answered ${statusCode}`)
    await read(body)
  }
}

async function textOf(body: Dispatcher.ResponseData['body'], { format, pace }: CallTarget): Promise<string> {
  if (pace === 'whole') return contentOf(await body.json(), format)
  const decoder = new TextDecoder()
  let pending = ''
  let text = ''
  for await (const chunk of body) {
    const lines = (pending + decoder.decode(chunk as Buffer, { stream: true })).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const json = format === 'ollama' ? line : line.startsWith('data: {') ? line.slice(6) : ''
      if (json !== '') text += contentOf(JSON.parse(json), format)
    }
  }
  return text
}

/** The text of a chunk or a whole answer that is known to be well formed. */
function contentOf(value: unknown, format: BenchFormat): string {
  const { choices, delta, content, candidates, message } = value as WellFormed
  switch (format) {
    case 'openai':
      return choices?.[0]?.delta?.content ?? choices?.[0]?.message?.content ?? ''
    case 'anthropic':
      return delta?.text ?? content?.[0]?.text ?? ''
    case 'gemini':
      return candidates?.[0]?.content.parts[0]?.text ?? ''
    case 'ollama':
      return message?.content ?? ''
    default:
      return format satisfies never
  }
}

interface WellFormed {
  choices?: { delta?: { content?: string }; message?: { content: string } }[]
  delta?: { text?: string }
  content?: { text: string }[]
  candidates?: { content: { parts: { text: string }[] } }[]
  message?: { content: string }
}
