import type {
  ChatInput,
  ChatOutput,
  EmbeddingInput,
  EmbeddingOutput,
  ImageGenerationInput,
  ImageGenerationOutput,
} from '../../contract/types.ts'
import { deltaListener } from '../answers/delta-listener.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { BaseProvider } from '../base-provider.ts'
import { capabilitiesOf } from '../features.ts'
import { asList, asNumber, asObject, asText } from '../http/json-shape.ts'
import { ProviderConnection } from '../http/provider-connection.ts'
import { resolveChatMedia } from '../media/resolve-chat-media.ts'
import type { CallContext, ProviderAnswer, ProviderCall } from '../provider.ts'
import type { ProviderParts } from '../provider-parts.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'
import { fromChatResponse } from './from-chat-response.ts'
import { fromEmbeddingResponse } from './from-embedding-response.ts'
import { fromGeminiImageResponse, fromImagenResponse } from './from-image-response.ts'
import { geminiFeatures } from './gemini-features.ts'
import { isImagen, modelPath } from './gemini-model.ts'
import { toChatBody } from './to-chat-body.ts'
import { isGoogleFile } from './to-content-part.ts'
import { toEmbeddingBody } from './to-embedding-body.ts'
import { toGeminiImageBody, toImagenBody } from './to-image-body.ts'

type ShortContext = Pick<CallContext, 'signal' | 'timeoutMs'>

/** Pages of models that are read at most, of a thousand each. */
const mostPages = 20

/**
 * Google's Gemini API (ai.google.dev/api). One call is one exchange: nothing is retried here. The translations are pure
 * and lie beside this file; this class only sends. The key goes in a header, never in the address.
 */
export class GeminiProvider extends BaseProvider {
  readonly #connection: ProviderConnection
  readonly #media: ProviderParts['media']

  constructor({ media, ...parts }: ProviderParts) {
    super(parts.id, capabilitiesOf(geminiFeatures))
    const headers: Record<string, string> = parts.key === null ? {} : { 'x-goog-api-key': parts.key }
    this.#connection = new ProviderConnection({ ...parts, headers })
    this.#media = media
  }

  override async chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>> {
    const path = this.#pathOf(call.model)
    const body = await this.#chatBody(call, context)
    const answerContext = this.#connection.errorContext(call.model)
    if (context.onDelta === undefined) {
      return fromChatResponse(await this.#connection.postJson(`${path}:generateContent`, body, context), answerContext)
    }
    const assembler = new ChatStreamAssembler(answerContext, deltaListener(context, this.#connection.now))
    const streamPath = `${path}:streamGenerateContent?alt=sse`
    const answer = await this.#connection.postJsonForEvents(streamPath, body, context, (data) => assembler.accept(data))
    // A body came instead of events: an error, or a server that does not stream, whose answer is as good.
    if (answer.body.length > 0 || answer.status !== 200) return fromChatResponse(answer, answerContext)
    return assembler.finish(answer)
  }

  override async embedding(
    call: ProviderCall<EmbeddingInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<EmbeddingOutput>> {
    const body = toEmbeddingBody(call.input, { provider: this.id, model: call.model })
    const answer = await this.#connection.postJson(`${this.#pathOf(call.model)}:batchEmbedContents`, body, context)
    return fromEmbeddingResponse(answer, call.input.texts.length, this.#connection.errorContext(call.model))
  }

  override async imageGeneration(
    { model, input }: ProviderCall<ImageGenerationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<ImageGenerationOutput>> {
    const bodyContext = { provider: this.id, model }
    const answerContext = this.#connection.errorContext(model)
    const path = this.#pathOf(model)
    if (isImagen(model)) {
      const body = toImagenBody(input, bodyContext)
      return fromImagenResponse(await this.#connection.postJson(`${path}:predict`, body, context), answerContext)
    }
    const body = toGeminiImageBody(input, bodyContext)
    const answer = await this.#connection.postJson(`${path}:generateContent`, body, context)
    return fromGeminiImageResponse(answer, answerContext)
  }

  async countTokens(call: ProviderCall<ChatInput>, context: ShortContext): Promise<number> {
    const path = this.#pathOf(call.model)
    const body = await this.#chatBody(call, context)
    const generateContentRequest = { model: path.slice(1), ...body }
    const answer = await this.#connection.postJson(`${path}:countTokens`, { generateContentRequest }, context)
    const answerContext = this.#connection.errorContext(call.model)
    const count = asNumber(readJsonAnswer(answer, answerContext)['totalTokens'])
    if (count === undefined || count < 0) throw malformed(answer, answerContext, 'no count of tokens')
    return count
  }

  override async listModels(context: ShortContext): Promise<string[]> {
    const until = this.#connection.now() + context.timeoutMs
    const answerContext = this.#connection.errorContext(null)
    const names: string[] = []
    let page = ''
    for (let count = 0; count < mostPages; count += 1) {
      const timeoutMs = Math.max(1, until - this.#connection.now())
      const answer = await this.#connection.get(`/models?pageSize=1000${page}`, { ...context, timeoutMs })
      const body = readJsonAnswer(answer, answerContext)
      for (const entry of asList(body['models'])) {
        const name = asText(asObject(entry)?.['name'])
        if (name === undefined) throw malformed(answer, answerContext, 'a model without name')
        names.push(name.replace(/^models\//, ''))
      }
      const token = asText(body['nextPageToken'])
      if (!token) return names.sort()
      page = `&pageToken=${encodeURIComponent(token)}`
    }
    return names.sort()
  }

  /** Google says 400 for a wrong key, which the mapping of errors knows. */
  override async checkKey(context: ShortContext): Promise<void> {
    const answer = await this.#connection.get('/models?pageSize=1', context)
    readJsonAnswer(answer, this.#connection.errorContext(null))
  }

  async #chatBody({ model, input }: ProviderCall<ChatInput>, { signal }: ShortContext) {
    const resolved = await resolveChatMedia(input, {
      fetchedKinds: [],
      isFetched: isGoogleFile,
      maxTotalBytes: this.#media.maxTotalBytes,
      load: (media) => this.#media.load(media, signal),
    })
    return toChatBody(resolved, { provider: this.id, model })
  }

  /** @throws INVALID_REQUEST */
  #pathOf(model: string): string {
    return `/${modelPath(model, this.id)}`
  }
}
