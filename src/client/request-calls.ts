import { randomUUID } from 'node:crypto'
import type { ModelCompletion, ModelRequest } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ClientConnection } from './client-connection.ts'
import type { SendOptions, WaitOptions } from './client-options.ts'
import { isOutputOmitted } from './completed.ts'
import { findCompletion } from './find-completion.ts'
import { PendingAnswers, takeAnswer } from './pending-answers.ts'
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
    await withinLimit({ timeoutMs, signal, timers, onTimeout, onAbort }, async (limit) =>
      this.#connection.writer.write(await this.#record(request, options, {}), limit),
    )
  }

  /**
   * The terminal record of the request, whatever its status. `before` is awaited before it is sent.
   * @throws REQUEST_TIMEOUT, CANCELLED the request may still end
   * @throws SCHEMA_MISSING, SCHEMA_REGISTRY_UNAVAILABLE, TOPIC_MISSING, BROKER_UNAVAILABLE, PAYLOAD_TOO_LARGE it was not sent
   * @throws DECODE_FAILED, SCHEMA_UNKNOWN the reply cannot be read
   */
  async ask(
    request: ModelRequest,
    options: WaitOptions,
    before: () => Promise<void> = async () => {},
  ): Promise<ModelCompletion> {
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
      await Promise.all([this.#replies.start(), before()])
      const headers = { 'reply-topic': replyTopic, 'correlation-id': correlationId }
      const record = await this.#record(request, options, headers)
      limit.throwIfAborted()
      isSent = true
      await this.#connection.writer.write(record, limit)
      return await answer
    }
    try {
      return await withinLimit({ timeoutMs, signal, timers, onTimeout, onAbort }, async (limit) => {
        // The answer alone rejects where the client is closed, and may come before the broker's confirmation.
        const reply = await Promise.race([answer, sent(limit)])
        return isOutputOmitted(reply) ? await this.#whole(reply, keyOf(request, options), limit) : reply
      })
    } finally {
      end()
    }
  }

  /** Ends all waiting. */
  end(error: Error): void {
    this.#pending.rejectAll(error)
  }

  async #record(request: ModelRequest, options: SendOptions, headers: Record<string, string>): Promise<OutgoingRecord> {
    const { requestTopic: topic } = this.#settings
    const { traceparent, tracestate } = options
    const encode = await this.#connection.encoder('ModelRequest', topic)
    const traced = {
      ...headers,
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
    }
    return { topic, key: Buffer.from(keyOf(request, options)), headers: traced, value: encode(request) }
  }

  async #take(record: ReceivedRecord): Promise<void> {
    await takeAnswer('ModelCompletion', record, { connection: this.#connection, pending: this.#pending })
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
      decode: (record) => this.#connection.decodeReadable('ModelCompletion', record),
      matches: (completion) => completion.requestId === requestId && completion.tenant === tenant,
      signal,
    })
    return found ?? reply
  }
}

/** An empty key is none, to Kafka's producers as to the workers. */
function keyOf({ requestId }: ModelRequest, { key }: SendOptions): string {
  return key === undefined || key === '' ? requestId : key
}
