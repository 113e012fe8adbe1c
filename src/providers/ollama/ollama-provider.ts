import type {
  ChatInput,
  ChatOutput,
  CompletionInput,
  CompletionOutput,
  EmbeddingInput,
  EmbeddingOutput,
} from '../../contract/types.ts'
import { deltaListener } from '../answers/delta-listener.ts'
import { malformed } from '../answers/malformed.ts'
import { BaseProvider } from '../base-provider.ts'
import { capabilitiesOf } from '../features.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { ProviderConnection } from '../http/provider-connection.ts'
import { resolveChatMedia } from '../media/resolve-chat-media.ts'
import type { CallContext, ProviderAnswer, ProviderCall } from '../provider.ts'
import type { ProviderParts } from '../provider-parts.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'
import { type ChatAnswerContext, fromChatResponse } from './from-chat-response.ts'
import { fromCompletionResponse } from './from-completion-response.ts'
import { fromEmbeddingResponse } from './from-embedding-response.ts'
import { ollamaFeatures } from './ollama-features.ts'
import { readAnswer } from './read-answer.ts'
import { toChatBody } from './to-chat-body.ts'
import { toCompletionBody } from './to-completion-body.ts'
import { toEmbeddingBody } from './to-embedding-body.ts'

type ShortContext = Pick<CallContext, 'signal' | 'timeoutMs'>

/**
 * Ollama's own protocol (docs/api.md of github.com/ollama/ollama). One call is one exchange: nothing is retried, and no
 * model is pulled, here. A model that is not in memory is loaded first, which may take minutes before the first content;
 * the provider option `keep_alive` keeps it there.
 */
export class OllamaProvider extends BaseProvider {
  readonly #connection: ProviderConnection
  readonly #media: ProviderParts['media']

  constructor({ media, ...parts }: ProviderParts) {
    super(parts.id, capabilitiesOf(ollamaFeatures))
    // Only ollama.com and servers behind a proxy have keys.
    const headers: Record<string, string> = parts.key === null ? {} : { authorization: `Bearer ${parts.key}` }
    this.#connection = new ProviderConnection({ ...parts, baseUrl: withoutVersion(parts.baseUrl), headers })
    this.#media = media
  }

  override async chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>> {
    const { model } = call
    const input = await resolveChatMedia(call.input, {
      fetchedKinds: [],
      maxTotalBytes: this.#media.maxTotalBytes,
      load: (media) => this.#media.load(media, context.signal),
    })
    const isStreamed = context.onDelta !== undefined
    const body = toChatBody(input, { provider: this.id, model }, isStreamed)
    const earlierCallCount = input.messages.reduce((count, { toolCalls }) => count + toolCalls.length, 0)
    const answerContext: ChatAnswerContext = { ...this.#connection.errorContext(model), earlierCallCount }
    if (!isStreamed) return fromChatResponse(await this.#connection.postJson('/api/chat', body, context), answerContext)
    const assembler = new ChatStreamAssembler(answerContext, deltaListener(context, this.#connection.now))
    const answer = await this.#connection.postJsonForLines('/api/chat', body, context, (line) => assembler.accept(line))
    // A body came instead of lines: an error, or a server that does not stream, whose answer is as good.
    if (answer.body.length > 0 || answer.status !== 200) return fromChatResponse(answer, answerContext)
    return assembler.finish(answer)
  }

  override async completion(
    { model, input }: ProviderCall<CompletionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<CompletionOutput>> {
    const body = toCompletionBody(input, { provider: this.id, model })
    const answer = await this.#connection.postJson('/api/generate', body, context)
    return fromCompletionResponse(answer, this.#connection.errorContext(model))
  }

  override async embedding(
    { model, input }: ProviderCall<EmbeddingInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<EmbeddingOutput>> {
    const body = toEmbeddingBody(input, { provider: this.id, model })
    const answer = await this.#connection.postJson('/api/embed', body, context)
    return fromEmbeddingResponse(answer, input.texts.length, this.#connection.errorContext(model))
  }

  override async listModels(context: ShortContext): Promise<string[]> {
    const answer = await this.#connection.get('/api/tags', context)
    const answerContext = this.#connection.errorContext(null)
    const models = asList(readAnswer(answer, answerContext)['models'])
    const names = models.map((entry) => asText(asObject(entry)?.['model']) ?? asText(asObject(entry)?.['name']))
    if (names.includes(undefined)) throw malformed(answer, answerContext, 'a model without name')
    return names.filter((name) => name !== undefined).sort()
  }

  /** Resolves when something answers like Ollama; a key is not judged, because the list is open to all. */
  override async checkKey(context: ShortContext): Promise<void> {
    await this.listModels(context)
  }
}

/** An address registered for the OpenAI-compatible side ends in /v1, beneath which there is nothing for us. */
function withoutVersion(baseUrl: URL): URL {
  const url = new URL(baseUrl)
  url.pathname = url.pathname.replace(/\/v1\/?$/, '')
  return url
}
