import { readdirSync, readFileSync } from 'node:fs'
import type { ChatOutput } from '../../../../src/contract/types.ts'
import { ChatStreamAssembler as AnthropicAssembler } from '../../../../src/providers/anthropic/chat-stream-assembler.ts'
import { ChatStreamAssembler as GeminiAssembler } from '../../../../src/providers/gemini/chat-stream-assembler.ts'
import { EventStreamReader } from '../../../../src/providers/http/event-stream-reader.ts'
import type { HttpAnswer } from '../../../../src/providers/http/http-client.ts'
import { LineReader } from '../../../../src/providers/http/line-reader.ts'
import { ChatStreamAssembler as OllamaAssembler } from '../../../../src/providers/ollama/chat-stream-assembler.ts'
import { ChatStreamAssembler as OpenAiAssembler } from '../../../../src/providers/openai/chat-stream-assembler.ts'
import type { ChatDelta, ProviderAnswer } from '../../../../src/providers/provider.ts'
import { dialectOf } from '../openai/dialect-of.ts'

/** Largest line or event in these tests, in characters. */
export const maxLength = 20_000

/** What every assembler is. */
interface Assembler {
  accept(item: string): boolean
  finish(answer: HttpAnswer): ProviderAnswer<ChatOutput>
}

/** A wire format with its recorded streams. */
export interface StreamFormat {
  name: string
  Reader: typeof EventStreamReader | typeof LineReader
  recorded: readonly { name: string; body: Buffer }[]
  assembler(onDelta: (delta: ChatDelta) => void): Assembler
}

const context = { provider: 'acme', model: 'm', secrets: ['secret-key-1'], now: 0 }
const head: HttpAnswer = { status: 200, headers: {}, body: Buffer.alloc(0) }

/** The four formats, with all streams that the contract tests have. */
export const streamFormats: readonly StreamFormat[] = [
  {
    name: 'openai',
    Reader: EventStreamReader,
    recorded: recordedStreams('openai'),
    assembler: (onDelta) => new OpenAiAssembler({ ...context, dialect: dialectOf('openai') }, onDelta),
  },
  {
    name: 'anthropic',
    Reader: EventStreamReader,
    recorded: recordedStreams('anthropic'),
    assembler: (onDelta) => new AnthropicAssembler({ ...context, jsonTool: null }, onDelta),
  },
  {
    name: 'gemini',
    Reader: EventStreamReader,
    recorded: recordedStreams('gemini'),
    assembler: (onDelta) => new GeminiAssembler(context, onDelta),
  },
  {
    name: 'ollama',
    Reader: LineReader,
    recorded: recordedStreams('ollama'),
    assembler: (onDelta) => new OllamaAssembler({ ...context, earlierCallCount: 0 }, onDelta),
  },
]

/** What comes out of a body that arrives in these pieces: an answer with its deltas, or the error. */
export type StreamResult = { answer: ProviderAnswer<ChatOutput>; deltas: ChatDelta[] } | { error: unknown }

/** Reads a body as the HTTP client and the adapter do. */
export function readStream({ Reader, assembler: open }: StreamFormat, pieces: Iterable<Uint8Array>): StreamResult {
  const deltas: ChatDelta[] = []
  try {
    const assembler = open((delta) => deltas.push(delta))
    const reader = new Reader({ provider: 'acme', maxLength, onItem: (item) => assembler.accept(item) })
    for (const piece of pieces) if (reader.feed(piece)) break
    reader.end()
    return { answer: assembler.finish(head), deltas }
  } catch (error) {
    return { error }
  }
}

function recordedStreams(format: string): { name: string; body: Buffer }[] {
  const directory = new URL(`../../../contract/${format}/fixtures/`, import.meta.url)
  return readdirSync(directory)
    .filter((name) => name.includes('stream'))
    .map((name) => ({ name, body: readFileSync(new URL(name, directory)) }))
}
