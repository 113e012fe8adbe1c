/**
 * The same answer in the four wire formats, whole and streamed: 200 tokens of four characters, one a piece. The events have all
 * fields that those of the providers have (the fixtures of test/contract say where they were recorded).
 */

/** Wire formats with an adapter. */
export const benchFormats = ['openai', 'anthropic', 'gemini', 'ollama'] as const

/** One of {@link benchFormats}. */
export type BenchFormat = (typeof benchFormats)[number]

/** Pieces of content in each stream. */
export const tokenCount = 200

/** One answer, as it goes over the wire. */
export interface RecordedAnswer {
  /** Media type of the stream. */
  streamType: string
  /** The events or lines of the stream, each with its end. */
  events: readonly string[]
  /** The answer in one piece. */
  whole: string
}

const tokens = Array.from({ length: tokenCount }, (_, index) => ` t${String(index).padStart(2, '0').slice(-2)}`)

/** What every answer says. */
export const answerText = tokens.join('')

const sse = (value: object | string) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`

/** The answer of each format. */
export function recordedAnswer(format: BenchFormat): RecordedAnswer {
  switch (format) {
    case 'openai':
      return openAi()
    case 'anthropic':
      return anthropic()
    case 'gemini':
      return gemini()
    case 'ollama':
      return ollama()
    default:
      return format satisfies never
  }
}

function openAi(): RecordedAnswer {
  const head = {
    id: 'chatcmpl-B1WZaL2kA8nUz7IP4vQ0A4xyzABCD',
    object: 'chat.completion.chunk',
    created: 1_755_000_000,
    model: 'gpt-5-mini-2025-08-07',
    service_tier: 'default',
    system_fingerprint: 'fp_560af6e559',
  }
  const chunk = (delta: object, finish: string | null = null) =>
    sse({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      usage: null,
      obfuscation: 'Xyq81a',
    })
  const usage = {
    prompt_tokens: 110,
    completion_tokens: tokenCount,
    total_tokens: 110 + tokenCount,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0 },
  }
  const message = { role: 'assistant', content: answerText, refusal: null, annotations: [] }
  return {
    streamType: 'text/event-stream',
    events: [
      chunk({ role: 'assistant', content: '', refusal: null }),
      ...tokens.map((content) => chunk({ content })),
      chunk({}, 'stop'),
      sse({ ...head, choices: [], usage, obfuscation: 'q1' }),
      sse('[DONE]'),
    ],
    whole: JSON.stringify({
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
      usage,
    }),
  }
}

function anthropic(): RecordedAnswer {
  const head = { id: 'msg_01XFDUDYJgAACzvnptvVoYEL', type: 'message', role: 'assistant', model: 'claude-sonnet-4-6' }
  const usage = { input_tokens: 110, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 }
  const event = (value: { type: string } & Record<string, unknown>) => `event: ${value.type}\n${sse(value)}`
  const stop = { stop_reason: 'end_turn', stop_sequence: null }
  const whole = { ...usage, output_tokens: tokenCount }
  return {
    streamType: 'text/event-stream',
    events: [
      event({
        type: 'message_start',
        message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage },
      }),
      event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      event({ type: 'ping' }),
      ...tokens.map((text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
      event({ type: 'content_block_stop', index: 0 }),
      event({ type: 'message_delta', delta: stop, usage: whole }),
      event({ type: 'message_stop' }),
    ],
    whole: JSON.stringify({ ...head, content: [{ type: 'text', text: answerText }], ...stop, usage: whole }),
  }
}

function gemini(): RecordedAnswer {
  const chunk = (text: string, count: number, finish: object = {}) => ({
    candidates: [{ content: { parts: [{ text }], role: 'model' }, ...finish, index: 0 }],
    usageMetadata: {
      promptTokenCount: 110,
      candidatesTokenCount: count,
      totalTokenCount: 110 + count,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 110 }],
      serviceTier: 'standard',
    },
    modelVersion: 'gemini-2.5-flash',
    responseId: 's7WZaL2kA8nUz7IP4v_Q0A4',
  })
  const finish = { finishReason: 'STOP' }
  return {
    streamType: 'text/event-stream',
    events: tokens.map((text, index) => sse(chunk(text, index + 1, index === tokenCount - 1 ? finish : {}))),
    whole: JSON.stringify(chunk(answerText, tokenCount, finish)),
  }
}

function ollama(): RecordedAnswer {
  const head = { model: 'qwen3:4b-instruct', created_at: '2026-08-26T10:11:13.7346513Z' }
  const line = (content: string, rest: object) =>
    JSON.stringify({ ...head, message: { role: 'assistant', content }, ...rest })
  const end = {
    done: true,
    done_reason: 'stop',
    total_duration: 7_589_013_100,
    load_duration: 7_398_700,
    prompt_eval_count: 110,
    prompt_eval_duration: 143_164_000,
    eval_count: tokenCount,
    eval_duration: 7_413_854_000,
  }
  return {
    streamType: 'application/x-ndjson',
    events: [...tokens.map((text) => `${line(text, { done: false })}\n`), `${line('', end)}\n`],
    whole: line(answerText, end),
  }
}
