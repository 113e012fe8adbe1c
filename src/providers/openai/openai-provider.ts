import type {
  AudioTranscriptionInput,
  AudioTranscriptionOutput,
  AudioTranslationInput,
  AudioTranslationOutput,
  ChatInput,
  ChatOutput,
  CompletionInput,
  CompletionOutput,
  EmbeddingInput,
  EmbeddingOutput,
  ImageGenerationInput,
  ImageGenerationOutput,
  RequestType,
} from '../../contract/types.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/http-client.ts'
import { asList, asObject, asText, parseJson } from '../http/json-shape.ts'
import { mapHttpError } from '../http/map-http-error.ts'
import type { MediaFetcher } from '../http/media-fetcher.ts'
import {
  type CallableType,
  type CallContext,
  type ChatDelta,
  type ModelProvider,
  type ProviderAnswer,
  type ProviderCall,
  ProviderError,
} from '../provider.ts'
import { type AnswerContext, malformed, readJsonAnswer } from './answer-context.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'
import { fromTranscriptionResponse, fromTranslationResponse } from './from-audio-response.ts'
import { fromChatResponse } from './from-chat-response.ts'
import { fromCompletionResponse } from './from-completion-response.ts'
import { fromEmbeddingResponse } from './from-embedding-response.ts'
import { fromImageResponse } from './from-image-response.ts'
import type { OpenAiDialect } from './openai-dialect.ts'
import { resolveChatMedia } from './resolve-chat-media.ts'
import { toTranscriptionForm, toTranslationForm } from './to-audio-form.ts'
import { type BodyContext, toChatBody } from './to-chat-body.ts'
import { toCompletionBody } from './to-completion-body.ts'
import { toEmbeddingBody } from './to-embedding-body.ts'
import { toImageBody } from './to-image-body.ts'

/** What an adapter of the OpenAI family is made of. */
export interface OpenAiProviderOptions {
  id: string
  /** Base address, for example `https://api.openai.com/v1`; its query, as Azure wants one, goes with every call. */
  baseUrl: URL
  /** Null where the server wants none. */
  key: string | null
  dialect: OpenAiDialect
  http: HttpClient
  media: MediaFetcher
  /** Unix time in ms; the system's clock by default. */
  now?: () => number
}

type ShortContext = Pick<CallContext, 'signal' | 'timeoutMs'>

/**
 * OpenAI and every server that speaks like it. One call is one exchange: nothing is retried here. The translations are
 * pure and lie beside this file; this class only sends.
 */
export class OpenAiProvider implements ModelProvider {
  readonly id: string
  readonly capabilities: readonly RequestType[]
  readonly #options: OpenAiProviderOptions

  constructor(options: OpenAiProviderOptions) {
    this.id = options.id
    this.capabilities = options.dialect.capabilities
    this.#options = options
  }

  async chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>> {
    this.#mustServe('CHAT')
    const { dialect, http, media } = this.#options
    const input = await resolveChatMedia(call.input, dialect, (ref) => media.load(ref, context.signal))
    const isStreamed = context.onDelta !== undefined
    const body = toChatBody(input, this.#bodyContext(call.model), isStreamed)
    const request = this.#request('/chat/completions', context)
    const answerContext = this.#answerContext(call.model)
    if (!isStreamed) return fromChatResponse(await http.postJson(request, body), answerContext)

    let isFirst = true
    const onDelta = (delta: ChatDelta) => {
      if (isFirst) context.onFirstContent?.(this.#now())
      isFirst = false
      context.onDelta?.(delta)
    }
    const assembler = new ChatStreamAssembler(answerContext, onDelta)
    const answer = await http.postJsonForEvents(request, body, (data) => assembler.accept(data))
    // A body came instead of events: an error, or a server that does not stream, whose answer is as good.
    if (answer.body.length > 0 || answer.status !== 200) return fromChatResponse(answer, answerContext)
    return assembler.finish(answer)
  }

  async completion(
    call: ProviderCall<CompletionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<CompletionOutput>> {
    this.#mustServe('COMPLETION')
    const body = toCompletionBody(call.input, this.#bodyContext(call.model))
    return fromCompletionResponse(await this.#post('/completions', body, context), this.#answerContext(call.model))
  }

  async embedding(call: ProviderCall<EmbeddingInput>, context: CallContext): Promise<ProviderAnswer<EmbeddingOutput>> {
    this.#mustServe('EMBEDDING')
    const body = toEmbeddingBody(call.input, this.#bodyContext(call.model))
    const answer = await this.#post('/embeddings', body, context)
    return fromEmbeddingResponse(answer, call.input.texts.length, this.#answerContext(call.model))
  }

  async imageGeneration(
    call: ProviderCall<ImageGenerationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<ImageGenerationOutput>> {
    this.#mustServe('IMAGE_GENERATION')
    const body = toImageBody(call.input, this.#bodyContext(call.model))
    return fromImageResponse(await this.#post('/images/generations', body, context), this.#answerContext(call.model))
  }

  async audioTranscription(
    call: ProviderCall<AudioTranscriptionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranscriptionOutput>> {
    this.#mustServe('AUDIO_TRANSCRIPTION')
    const audio = await this.#options.media.load(call.input.audio, context.signal)
    const form = toTranscriptionForm(call.input, { provider: this.id, model: call.model, audio })
    const answer = await this.#options.http.postForm(this.#request('/audio/transcriptions', context), form)
    return fromTranscriptionResponse(answer, this.#answerContext(call.model))
  }

  async audioTranslation(
    call: ProviderCall<AudioTranslationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranslationOutput>> {
    this.#mustServe('AUDIO_TRANSLATION')
    const audio = await this.#options.media.load(call.input.audio, context.signal)
    const form = toTranslationForm(call.input, { provider: this.id, model: call.model, audio })
    const answer = await this.#options.http.postForm(this.#request('/audio/translations', context), form)
    return fromTranslationResponse(answer, this.#answerContext(call.model))
  }

  async listModels(context: ShortContext): Promise<string[]> {
    const answer = await this.#options.http.get(this.#request('/models', context))
    const answerContext = this.#answerContext(null)
    const parsed = answer.status === 200 ? parseJson(answer.body.toString('utf8')) : undefined
    // Together answers with a bare list.
    const list = Array.isArray(parsed) ? parsed : asList(readJsonAnswer(answer, answerContext)['data'])
    const names = list.map((entry) => asText(asObject(entry)?.['id']))
    if (names.includes(undefined)) throw malformed(answer, answerContext, 'a model without id')
    return names.filter((name) => name !== undefined).sort()
  }

  async checkKey(context: ShortContext): Promise<void> {
    const { http, dialect } = this.#options
    const answer = await http.get(this.#request(dialect.keyCheckPath, context))
    if (answer.status !== 200) throw mapHttpError(answer, this.#answerContext(null))
  }

  #post(path: string, body: object, context: CallContext): Promise<HttpAnswer> {
    return this.#options.http.postJson(this.#request(path, context), body)
  }

  #request(path: string, context: ShortContext & Partial<CallContext>): HttpRequest {
    const { baseUrl, key, dialect } = this.#options
    const url = new URL(baseUrl)
    url.pathname = `${baseUrl.pathname.replace(/\/+$/, '')}${path}`
    const headers: Record<string, string> = { accept: 'application/json' }
    if (key !== null) headers[dialect.keyHeader] = dialect.keyHeader === 'authorization' ? `Bearer ${key}` : key
    if (context.idempotencyKey !== undefined) headers['idempotency-key'] = context.idempotencyKey
    return { provider: this.id, url, headers, signal: context.signal, timeoutMs: context.timeoutMs }
  }

  #bodyContext(model: string): BodyContext {
    return { provider: this.id, model, dialect: this.#options.dialect }
  }

  #answerContext(model: string | null): AnswerContext {
    const { key, dialect } = this.#options
    return { provider: this.id, model, secrets: key === null ? [] : [key], now: this.#now(), dialect }
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }

  #mustServe(type: CallableType): void {
    if (this.capabilities.includes(type)) return
    throw new ProviderError(
      'CAPABILITY_NOT_SUPPORTED',
      `Provider ${this.id} does not serve ${type}, only ${this.capabilities.join(', ')}; choose another provider.`,
      { provider: this.id },
    )
  }
}
