/** How each wire format ends a stream, and what becomes of one that ends without. */
import { afterEach, describe, expect, test } from 'vitest'
import { answer, type Fault, openAiEvents, serves, stream } from './faulty-provider.ts'
import { startTwoTargets, type TwoTargets } from './two-targets.ts'

const json = (...events: object[]) => events.map((event) => JSON.stringify(event))
const data = (...events: object[]) => json(...events).map((event) => `data: ${event}`)

const anthropic = data(
  {
    type: 'message_start',
    message: { id: 'm', model: 'claude', role: 'assistant', content: [], usage: { input_tokens: 7, output_tokens: 1 } },
  },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } },
  { type: 'message_stop' },
)
const gemini = data(
  { candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'Hello' }] } }], modelVersion: 'gemini' },
  {
    candidates: [{ index: 0, content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP' }],
    usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 3, totalTokenCount: 10 },
  },
)
const ollama = json(
  { model: 'llama', message: { role: 'assistant', content: 'Hello' }, done: false },
  {
    ...{ model: 'llama', message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' },
    ...{ prompt_eval_count: 7, eval_count: 3 },
  },
)

/** Lines of JSON, as Ollama sends them. */
function lines(items: readonly string[]): Fault {
  const text = items.map((item) => `${item}\n`).join('')
  return answer(200, text, { 'content-type': 'application/x-ndjson' })
}

interface Format {
  kind: string
  marker: string
  events: readonly string[]
  send: (events: readonly string[]) => Fault
  /** How many of the last events make the end. */
  endCount: number
}

const formats: Format[] = [
  { kind: 'openai', marker: '[DONE]', events: openAiEvents('gpt', ['Hello']), send: stream, endCount: 1 },
  { kind: 'openai', marker: 'a finish reason', events: openAiEvents('gpt', ['Hello']), send: stream, endCount: 3 },
  { kind: 'anthropic', marker: 'message_stop', events: anthropic, send: stream, endCount: 1 },
  { kind: 'anthropic', marker: 'a stop reason', events: anthropic, send: stream, endCount: 2 },
  { kind: 'gemini', marker: 'finishReason', events: gemini, send: stream, endCount: 1 },
  { kind: 'ollama', marker: 'done: true', events: ollama, send: lines, endCount: 1 },
]

let targets: TwoTargets | undefined
afterEach(async () => {
  await targets?.close()
  targets = undefined
})

describe.each(formats)('a stream of $kind', ({ kind, marker, events, send, endCount }) => {
  test('that is whole is the answer', async () => {
    targets = await startTwoTargets({ kind, primary: [send(events)], fallback: [serves('other')] })
    const { completion, chunks } = await targets.send({ stream: true })
    expect(completion).toMatchObject({ status: 'COMPLETED', provider: 'one', chat: { text: 'Hello' } })
    expect(completion.usage).toMatchObject({ inputUncachedTokens: 7, outputTokens: 3 })
    expect(chunks.map(({ text }) => text).join('')).toBe('Hello')
  })

  test(`that ends without ${marker} is broken: the next target answers, from the start`, async () => {
    const broken = send(events.slice(0, -endCount))
    targets = await startTwoTargets({ kind, primary: [broken], fallback: [serves('other', ['Bet', 'ter'])] })
    const { completion, chunks } = await targets.send({ stream: true })
    expect(completion).toMatchObject({ status: 'COMPLETED', provider: 'two', chat: { text: 'Better' } })
    expect(completion.attempts.map(({ outcome }) => outcome)).toEqual(['UNKNOWN', 'SUCCEEDED'])
    const textOf = (attempt: number) => chunks.filter((chunk) => chunk.attempt === attempt).map(({ text }) => text)
    expect([textOf(1).join(''), textOf(2).join('')]).toEqual(['Hello', 'Better'])
    expect(targets.primary.callCount()).toBe(1)
  })
})
