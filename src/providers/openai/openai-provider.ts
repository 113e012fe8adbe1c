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
} from '../../contract/types.ts'
import { deltaListener } from '../answers/delta-listener.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { BaseProvider } from '../base-provider.ts'
import { asList, asObject, asText, parseJson } from '../http/json-shape.ts'
import { mapHttpError } from '../http/map-http-error.ts'
import { ProviderConnection } from '../http/provider-connection.ts'
import { resolveChatMedia } from '../media/resolve-chat-media.ts'
import type { CallContext, ProviderAnswer, ProviderCall } from '../provider.ts'
import type { ProviderParts } from '../provider-parts.ts'
import type { AnswerContext } from './answer-context.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'
import { fromTranscriptionResponse, fromTranslationResponse } from './from-audio-response.ts'
import { fromChatResponse } from './from-chat-response.ts'
import { fromCompletionResponse } from './from-completion-response.ts'
import { fromEmbeddingResponse } from './from-embedding-response.ts'
import { fromImageResponse } from './from-image-response.ts'
import type { OpenAiDialect } from './openai-dialect.ts'
import { toTranscriptionForm, toTranslationForm } from './to-audio-form.ts'
import { type BodyContext, toChatBody } from './to-chat-body.ts'
import { toCompletionBody } from './to-completion-body.ts'
import { toEmbeddingBody } from './to-embedding-body.ts'
import { toImageBody } from './to-image-body.ts'

/** What an adapter of the OpenAI family is made of. */
export interface OpenAiProviderOptions extends ProviderParts {
  dialect: OpenAiDialect
}

type ShortContext = Pick<CallContext, 'signal' | 'timeoutMs'>

/**
 * OpenAI and every server that speaks like it. One call is one exchange: nothing is retried here. The translations are
 * pure and lie beside this file; this class only sends.
 */
export class OpenAiProvider extends BaseProvider {
  readonly #connection: ProviderConnection
  readonly #dialect: OpenAiDialect
  readonly #media: ProviderParts['media']

  constructor({ dialect, media, ...parts }: OpenAiProviderOptions) {
    super(parts.id, dialect.capabilities)
    this.#connection = new ProviderConnection({ ...parts, headers: keyHeaders(parts.key, dialect) })
    this.#dialect = dialect
    this.#media = media
  }

  override async chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>> {
    this.mustServe('CHAT')
    const input = await resolveChatMedia(call.input, {
      fetchedKinds: this.#dialect.fetchesImages ? ['IMAGE'] : [],
      maxTotalBytes: this.#media.maxTotalBytes,
      load: (media) => this.#media.load(media, context.signal),
    })
    const path = '/chat/completions'
    const isStreamed = context.onDelta !== undefined
    const body = toChatBody(input, this.#bodyContext(call.model), isStreamed)
    const answerContext = this.#answerContext(call.model)
    if (!isStreamed) return fromChatResponse(await this.#connection.postJson(path, body, context), answerContext)
    const assembler = new ChatStreamAssembler(answerContext, deltaListener(context, this.#connection.now))
    const answer = await this.#connection.postJsonForEvents(path, body, context, (data) => assembler.accept(data))
    // A body came instead of events: an error, or a server that does not stream, whose answer is as good.
    if (answer.body.length > 0 || answer.status !== 200) return fromChatResponse(answer, answerContext)
    return assembler.finish(answer)
  }

  override async completion(
    call: ProviderCall<CompletionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<CompletionOutput>> {
    this.mustServe('COMPLETION')
    const body = toCompletionBody(call.input, this.#bodyContext(call.model))
    const answer = await this.#connection.postJson('/completions', body, context)
    return fromCompletionResponse(answer, this.#answerContext(call.model))
  }

  override async embedding(
    call: ProviderCall<EmbeddingInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<EmbeddingOutput>> {
    this.mustServe('EMBEDDING')
    const body = toEmbeddingBody(call.input, this.#bodyContext(call.model))
    const answer = await this.#connection.postJson('/embeddings', body, context)
    return fromEmbeddingResponse(answer, call.input.texts.length, this.#answerContext(call.model))
  }

  override async imageGeneration(
    call: ProviderCall<ImageGenerationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<ImageGenerationOutput>> {
    this.mustServe('IMAGE_GENERATION')
    const body = toImageBody(call.input, this.#bodyContext(call.model))
    const answer = await this.#connection.postJson('/images/generations', body, context)
    return fromImageResponse(answer, this.#answerContext(call.model))
  }

  override async audioTranscription(
    call: ProviderCall<AudioTranscriptionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranscriptionOutput>> {
    this.mustServe('AUDIO_TRANSCRIPTION')
    const audio = await this.#media.load(call.input.audio, context.signal)
    const form = toTranscriptionForm(call.input, { provider: this.id, model: call.model, audio })
    const answer = await this.#connection.postForm('/audio/transcriptions', form, context)
    return fromTranscriptionResponse(answer, this.#answerContext(call.model))
  }

  override async audioTranslation(
    call: ProviderCall<AudioTranslationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranslationOutput>> {
    this.mustServe('AUDIO_TRANSLATION')
    const audio = await this.#media.load(call.input.audio, context.signal)
    const form = toTranslationForm(call.input, { provider: this.id, model: call.model, audio })
    const answer = await this.#connection.postForm('/audio/translations', form, context)
    return fromTranslationResponse(answer, this.#answerContext(call.model))
  }

  override async listModels(context: ShortContext): Promise<string[]> {
    const answer = await this.#connection.get('/models', context)
    const answerContext = this.#answerContext(null)
    const parsed = answer.status === 200 ? parseJson(answer.body.toString('utf8')) : undefined
    // Together answers with a bare list.
    const list = Array.isArray(parsed) ? parsed : asList(readJsonAnswer(answer, answerContext)['data'])
    const names = list.map((entry) => asText(asObject(entry)?.['id']))
    if (names.includes(undefined)) throw malformed(answer, answerContext, 'a model without id')
    return names.filter((name) => name !== undefined).sort()
  }

  override async checkKey(context: ShortContext): Promise<void> {
    const answer = await this.#connection.get(this.#dialect.keyCheckPath, context)
    if (answer.status !== 200) throw mapHttpError(answer, this.#answerContext(null))
  }

  #bodyContext(model: string): BodyContext {
    return { provider: this.id, model, dialect: this.#dialect }
  }

  #answerContext(model: string | null): AnswerContext {
    return { ...this.#connection.errorContext(model), dialect: this.#dialect }
  }
}

function keyHeaders(key: string | null, { keyHeader }: OpenAiDialect): Record<string, string> {
  if (key === null) return {}
  return { [keyHeader]: keyHeader === 'authorization' ? `Bearer ${key}` : key }
}
