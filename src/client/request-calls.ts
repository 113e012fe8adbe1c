import { randomUUID } from 'node:crypto'
import type { ModelCompletion, ModelRequest } from '../contract/types.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { type ClientConnection, isUnreadable } from './client-connection.ts'
import type { SendOptions, WaitOptions } from './client-options.ts'
import { isOutputOmitted } from './completed.ts'
import { findCompletion } from './find-completion.ts'
import { PendingAnswers } from './pending-answers.ts'
import type { TopicFeed } from './topic-feed.ts'
import { withinLimit } from './within-limit.ts'

/** Topics by their full names, and limits. */
export interface RequestCallsSettings {
  requestTopic: string
  replyTopic: string
  timeoutMs: number
  sendTimeoutMs: number
}

/** Writes requests, and awaits their replies by correlation id on one reply topic. */
export class RequestCalls {
  readonly #connection: ClientConnection
  readonly #settings: RequestCallsSettings
  readonly #cancel: (request: ModelRequest) => void
  readonly #pending = new PendingAnswers<ModelCompletion>()
  readonly #replies: TopicFeed

  /** `cancel` asks for the end of a request, and returns at once. */
  constructor(connection: ClientConnection, settings: RequestCallsSettings, cancel: (request: ModelRequest) => void) {
    this.#connection = connection
    this.#settings = settings
    this.#cancel = cancel
    this.#replies = connection.feed(settings.replyTopic, (record) => this.#take(record))
  }

  /** Resolves when the broker has the request. @throws BROKER_UNAVAILABLE, CANCELLED, and what {@link RequestCalls.ask} throws before */
  async send(request: ModelRequest, options: SendOptions): Promise<void> {
    const { sendTimeoutMs: timeoutMs } = this.#settings
    const { signal } = options
    const { timers } = this.#connection
    const { requestId } = request
    const onTimeout = () =>
      new ModelServiceError(
        'BROKER_UNAVAILABLE',
        `Kafka did not confirm the request ${requestId} within ${timeoutMs} ms; it may have it. Send it again under the same id.`,
      )
    const onAbort = () =>
      new ModelServiceError('CANCELLED', `Stopped sending the request ${requestId}; Kafka may have it.`)
    await withinLimit({ timeoutMs, signal, timers, onTimeout, onAbort }, (limit) =>
      this.#write(request, options, {}, limit),
    )
  }

  /**
   * The terminal record of the request, whatever its status.
   * @throws REQUEST_TIMEOUT, CANCELLED the request may still end
   * @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE, TOPIC_MISSING, BROKER_UNAVAILABLE, PAYLOAD_TOO_LARGE it was not sent
   * @throws DECODE_FAILED, SCHEMA_UNKNOWN the reply cannot be read
   */
  async ask(request: ModelRequest, options: WaitOptions): Promise<ModelCompletion> {
    const { replyTopic } = this.#settings
    const { timeoutMs = this.#settings.timeoutMs, signal, cancelOnAbort = false } = options
    const { timers } = this.#connection
    const { requestId } = request
    const correlationId = randomUUID()
    const { answer, end } = this.#pending.wait(correlationId)
    let isSent = false
    const onTimeout = () =>
      new ModelServiceError(
        'REQUEST_TIMEOUT',
        `No completion of ${requestId} within ${timeoutMs} ms. ${isSent ? 'The request may still end: send it again under the same id for its answer' : 'It was not sent'}. See whether a worker runs.`,
      )
    const onAbort = () => {
      if (cancelOnAbort && isSent) this.#cancel(request)
      const fate = isSent ? (cancelOnAbort ? 'its end was asked for' : 'it goes on') : 'it was not sent'
      return new ModelServiceError('CANCELLED', `Stopped waiting for the completion of ${requestId}; ${fate}.`)
    }
    const sent = async (limit: AbortSignal): Promise<ModelCompletion> => {
      await this.#replies.start()
      limit.throwIfAborted()
      isSent = true
      const headers = { 'reply-topic': replyTopic, 'correlation-id': correlationId }
      await this.#write(request, options, headers, limit)
      return await answer
    }
    try {
      return await withinLimit({ timeoutMs, signal, timers, onTimeout, onAbort }, async (limit) => {
        // The answer alone rejects where the client is closed, and may come before the broker's confirmation.
        const reply = await Promise.race([answer, sent(limit)])
        return isOutputOmitted(reply) ? await this.#whole(reply, options.key ?? requestId, limit) : reply
      })
    } finally {
      end()
    }
  }

  /** Ends all waiting. */
  end(error: Error): void {
    this.#pending.rejectAll(error)
  }

  async #write(
    request: ModelRequest,
    { key = request.requestId, traceparent, tracestate }: SendOptions,
    headers: Record<string, string>,
    limit: AbortSignal,
  ): Promise<void> {
    const { requestTopic: topic } = this.#settings
    const encode = await this.#connection.encoder('ModelRequest', topic)
    const traced = {
      ...headers,
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
    }
    const record = { topic, key: Buffer.from(key), headers: traced, value: encode(request) }
    await this.#connection.writer.write(record, limit)
  }

  async #take({ headers, value }: ReceivedRecord): Promise<void> {
    // Other clients' replies: they are not even decoded.
    const correlationId = headers['correlation-id']
    if (correlationId === undefined || !this.#pending.has(correlationId)) return
    try {
      this.#pending.resolve(correlationId, await this.#connection.decode('ModelCompletion', value))
    } catch (error) {
      if (!isUnreadable(error)) throw error
      this.#pending.reject(correlationId, error)
    }
  }

  /** The completion with its output, where the completion topic still holds it; else the reply as it is. */
  async #whole(reply: ModelCompletion, key: string, signal: AbortSignal): Promise<ModelCompletion> {
    const { kafka } = this.#connection
    const { tenant, requestId, timings } = reply
    const found = await findCompletion({
      kafka,
      topic: this.#connection.topic('completions'),
      key,
      finishedAt: timings.finishedAt,
      decode: (value) => this.#connection.decode('ModelCompletion', value),
      matches: (completion) => completion.requestId === requestId && completion.tenant === tenant,
      signal,
    })
    return found ?? reply
  }
}
