import type { ChatInput, ChatOutput } from '../../contract/types.ts'
import { deltaListener } from '../answers/delta-listener.ts'
import { malformed } from '../answers/malformed.ts'
import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { BaseProvider } from '../base-provider.ts'
import { capabilitiesOf } from '../features.ts'
import { asList, asObject, asText } from '../http/json-shape.ts'
import { ProviderConnection } from '../http/provider-connection.ts'
import { resolveChatMedia } from '../media/resolve-chat-media.ts'
import type { CallContext, ProviderAnswer, ProviderCall } from '../provider.ts'
import type { ProviderParts } from '../provider-parts.ts'
import type { AnswerContext } from './answer-context.ts'
import { anthropicFeatures } from './anthropic-features.ts'
import { ChatStreamAssembler } from './chat-stream-assembler.ts'
import { fromChatResponse } from './from-chat-response.ts'
import { fromCountResponse } from './from-count-response.ts'
import { toChatBody, toCountBody } from './to-chat-body.ts'
import { jsonToolOf } from './to-tool-fields.ts'

/** What an adapter of Anthropic's format is made of. */
export interface AnthropicProviderOptions extends ProviderParts {
  /** Whether the server fetches images by address; where not (servers in one's own network), we do. */
  fetchesImages: boolean
}

type ShortContext = Pick<CallContext, 'signal' | 'timeoutMs'>

/** Most pages of the model list that are read, of 1000 models each. */
const mostPages = 20

/** Anthropic's Messages API, and servers that speak like it. One call is one exchange: nothing is retried here. */
export class AnthropicProvider extends BaseProvider {
  readonly #connection: ProviderConnection
  readonly #media: ProviderParts['media']
  readonly #fetchesImages: boolean

  constructor({ media, fetchesImages, ...parts }: AnthropicProviderOptions) {
    super(parts.id, capabilitiesOf(anthropicFeatures))
    const headers = { 'anthropic-version': '2023-06-01', ...(parts.key !== null && { 'x-api-key': parts.key }) }
    this.#connection = new ProviderConnection({ ...parts, headers })
    this.#media = media
    this.#fetchesImages = fetchesImages
  }

  override async chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>> {
    const input = await this.#resolve(call.input, context)
    const isStreamed = context.onDelta !== undefined
    const body = toChatBody(input, { provider: this.id, model: call.model }, isStreamed)
    const answerContext: AnswerContext = {
      ...this.#connection.errorContext(call.model),
      jsonTool: jsonToolOf(input, call.model),
    }
    const path = '/messages'
    if (!isStreamed) return fromChatResponse(await this.#connection.postJson(path, body, context), answerContext)
    const assembler = new ChatStreamAssembler(answerContext, deltaListener(context, this.#connection.now))
    const answer = await this.#connection.postJsonForEvents(path, body, context, (data) => assembler.accept(data))
    // A body came instead of events: an error, or a server that does not stream, whose answer is as good.
    if (answer.body.length > 0 || answer.status !== 200) return fromChatResponse(answer, answerContext)
    return assembler.finish(answer)
  }

  async countTokens(call: ProviderCall<ChatInput>, context: ShortContext): Promise<number> {
    const input = await this.#resolve(call.input, context)
    const body = toCountBody(input, { provider: this.id, model: call.model })
    const answer = await this.#connection.postJson('/messages/count_tokens', body, context)
    return fromCountResponse(answer, this.#connection.errorContext(call.model))
  }

  override async listModels(context: ShortContext): Promise<string[]> {
    const errorContext = this.#connection.errorContext(null)
    const names = new Set<string>()
    let after = ''
    for (let page = 0; page < mostPages; page += 1) {
      const answer = await this.#connection.get(`/models?limit=1000${after}`, context)
      const body = readJsonAnswer(answer, errorContext)
      for (const entry of asList(body['data'])) {
        const name = asText(asObject(entry)?.['id'])
        if (name === undefined) throw malformed(answer, errorContext, 'a model without id')
        names.add(name)
      }
      const last = asText(body['last_id'])
      if (body['has_more'] !== true || !last) break
      after = `&after_id=${encodeURIComponent(last)}`
    }
    return [...names].sort()
  }

  override async checkKey(context: ShortContext): Promise<void> {
    readJsonAnswer(await this.#connection.get('/models?limit=1', context), this.#connection.errorContext(null))
  }

  #resolve(input: ChatInput, { signal }: ShortContext): Promise<ChatInput> {
    return resolveChatMedia(input, {
      fetchedKinds: this.#fetchesImages ? ['IMAGE'] : [],
      maxTotalBytes: this.#media.maxTotalBytes,
      load: (media) => this.#media.load(media, signal),
    })
  }
}
