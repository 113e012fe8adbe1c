/**
 * The client of a service: writes requests and commands, and waits for what comes of them.
 *
 *   chat(…) ──► checked ──► request topic ──► (workers) ──► reply topic ──► ModelCompletion
 *                 headers: reply-topic, correlation-id             matched by correlation-id
 *
 * One reader for each topic serves all calls that wait: it begins at the end of the topic before the first request is written, so
 * no answer is missed however quickly it comes, and goes on where it was after the broker was away. Readers of other topics
 * (chunks, completions, command results) start when they are first needed.
 */
import { randomUUID } from 'node:crypto'
import { openSchemaRegistry, type SchemaRegistry } from '../codec/schema-registry.ts'
import type { CompletionOutputs } from '../contract/no-output.ts'
import { topics } from '../contract/topics.ts'
import type {
  AudioTranscriptionInputDraft,
  AudioTranslationInputDraft,
  ChatInputDraft,
  CommandResult,
  CompletionInputDraft,
  EmbeddingInputDraft,
  ImageGenerationInputDraft,
  ModelCommandDraft,
  ModelCompletion,
  ModelDefinitionDraft,
  ModelRequest,
  ProviderDefinitionDraft,
  RecordFeedbackDraft,
  RouteDefinitionDraft,
} from '../contract/types.ts'
import type { RequestKey } from '../delivery/request-key.ts'
import type { Timers } from '../delivery/timers.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { createKafkaClient } from '../events/kafka-client.ts'
import { keepAliveTimers } from '../model-service/keep-alive-timers.ts'
import type { Log } from '../model-service/ports/log.ts'
import { ChunkListeners } from './chunk-listeners.ts'
import { ClientConnection, type ConnectionParts } from './client-connection.ts'
import type {
  CallOptions,
  ClientSettings,
  CommandOptions,
  ModelClientOptions,
  RequestDraft,
  SendOptions,
  WaitOptions,
} from './client-options.ts'
import { CommandCalls } from './command-calls.ts'
import { type Completed, type CompletedChat, requireCompleted } from './completed.ts'
import { type CompletionFilter, type CompletionHandler, CompletionListeners } from './completion-listeners.ts'
import { ModelStream } from './model-stream.ts'
import { prepareRequest } from './prepare-request.ts'
import { CommandRefused } from './refused-answers.ts'
import { RequestCalls } from './request-calls.ts'

/** What a client is made of, where it is not made by {@link ModelClient.connect}. */
export interface ModelClientParts extends ClientSettings {
  kafka: ConnectionParts['kafka']
  /** Stays open when the client is closed. */
  registry: ConnectionParts['registry']
  timers?: Timers
}

type Outputs = keyof CompletionOutputs
type AnyInput = RequestDraft['input']

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * See the head of the file. The methods of one request type resolve with a COMPLETED terminal record; they throw
 *
 * - CompletionFailed when it ended otherwise: a ModelServiceError with the code of its error, and the completion
 * - INVALID_REQUEST, PAYLOAD_TOO_LARGE, SCHEMA_MISSING, TOPIC_MISSING, SCHEMA_REGISTRY_UNAVAILABLE: nothing was sent
 * - REQUEST_TIMEOUT, CANCELLED: the request may still end
 *
 * @example
 * await using client = await ModelClient.connect({
 *   kafka: { brokers: ['127.0.0.1:9092'] },
 *   schemaRegistry: { url: 'http://127.0.0.1:8081' },
 * })
 * const { chat } = await client.chat({ messages: [{ role: 'USER', content: [{ text: 'Hello' }] }] }, { model: 'my-model' })
 */
export class ModelClient implements AsyncDisposable {
  readonly #tenant: string
  readonly #timeoutMs: number
  readonly #sendTimeoutMs: number
  readonly #connection: ClientConnection
  readonly #requests: RequestCalls
  readonly #requestTopic: string
  readonly #commands: CommandCalls
  readonly #chunks: ChunkListeners
  readonly #completions: CompletionListeners
  readonly #release: () => Promise<void>
  /** What nobody awaits, but `close`. */
  readonly #aside = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  /** Connects nothing; `release` is called when the client is closed. */
  constructor(parts: ModelClientParts, release: () => Promise<void> = async () => {}) {
    const { kafka, registry, topicPrefix = '', log = silent, timers = keepAliveTimers } = parts
    this.#tenant = parts.tenant ?? 'default'
    this.#timeoutMs = parts.timeoutMs ?? 600_000
    this.#sendTimeoutMs = parts.sendTimeoutMs ?? 30_000
    this.#release = release
    this.#connection = new ClientConnection({ kafka, registry, topicPrefix, log, timers })
    this.#requestTopic = `${topicPrefix}${parts.requestTopic ?? topics.requests.name}`
    const settings = {
      requestTopic: this.#requestTopic,
      replyTopic: parts.replyTopic ?? this.#connection.topic('replies'),
      timeoutMs: this.#timeoutMs,
      sendTimeoutMs: this.#sendTimeoutMs,
    }
    this.#requests = new RequestCalls(this.#connection, settings, (request) => this.#askForEnd(request))
    this.#commands = new CommandCalls(this.#connection)
    this.#chunks = new ChunkListeners(this.#connection)
    this.#completions = new CompletionListeners(this.#connection)
  }

  /**
   * Connects, and sees whether requests can be written. Close the client when it is done, or the process stays.
   * @throws BROKER_UNAVAILABLE, SCHEMA_REGISTRY_UNAVAILABLE, SCHEMA_MISSING
   */
  static async connect(options: ModelClientOptions): Promise<ModelClient> {
    const { kafka: address, schemaRegistry, ...settings } = options
    const log = settings.log ?? silent
    const kafka = createKafkaClient({ ...address, clientId: address.clientId ?? 'model-service-client' }, log)
    const registry: SchemaRegistry = openSchemaRegistry(schemaRegistry)
    const client = new ModelClient({ ...settings, kafka, registry }, () => registry.close())
    try {
      const encoder = client.#connection.encoder('ModelRequest', client.#requestTopic)
      await Promise.all([encoder, client.#connection.writer.start()])
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** A chat. */
  chat(input: ChatInputDraft, options: CallOptions = {}): Promise<CompletedChat> {
    return this.#call({ type: 'ChatInput', ...input }, 'chat', options)
  }

  /** A text to continue. */
  completion(input: CompletionInputDraft, options: CallOptions = {}): Promise<Completed<'completion'>> {
    return this.#call({ type: 'CompletionInput', ...input }, 'completion', options)
  }

  /** Vectors for texts. */
  embedding(input: EmbeddingInputDraft, options: CallOptions = {}): Promise<Completed<'embedding'>> {
    return this.#call({ type: 'EmbeddingInput', ...input }, 'embedding', options)
  }

  /** Images for a prompt. */
  imageGeneration(input: ImageGenerationInputDraft, options: CallOptions = {}): Promise<Completed<'imageGeneration'>> {
    return this.#call({ type: 'ImageGenerationInput', ...input }, 'imageGeneration', options)
  }

  /** The words of a recording. */
  audioTranscription(
    input: AudioTranscriptionInputDraft,
    options: CallOptions = {},
  ): Promise<Completed<'audioTranscription'>> {
    return this.#call({ type: 'AudioTranscriptionInput', ...input }, 'audioTranscription', options)
  }

  /** The words of a recording, in English. */
  audioTranslation(
    input: AudioTranslationInputDraft,
    options: CallOptions = {},
  ): Promise<Completed<'audioTranslation'>> {
    return this.#call({ type: 'AudioTranslationInput', ...input }, 'audioTranslation', options)
  }

  /** A request of any type; resolves with its terminal record, whatever its status. Throws as the other methods, but CompletionFailed. */
  async process(draft: RequestDraft, options: WaitOptions = {}): Promise<ModelCompletion> {
    this.#requireOpen()
    return await this.#requests.ask(this.#prepare(draft), options)
  }

  /**
   * A chat whose answer is told while it comes. What can be refused before sending is thrown at once, all else by the stream.
   * @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE
   */
  stream(input: ChatInputDraft, options: CallOptions = {}): ModelStream {
    this.#requireOpen()
    const { draft, wait } = splitOptions(options)
    const request = this.#prepare({ ...draft, input: { type: 'ChatInput', ...input }, stream: true })
    const completion = Promise.withResolvers<CompletedChat>()
    const stream = new ModelStream(request.requestId, completion.promise)
    this.#follow(request, wait, stream).then(completion.resolve, completion.reject)
    return stream
  }

  /**
   * Writes a request and does not wait for what comes of it: resolves with the ids of the request when all in-sync replicas have it.
   * @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE, SCHEMA_MISSING, TOPIC_MISSING, SCHEMA_REGISTRY_UNAVAILABLE nothing was sent
   * @throws BROKER_UNAVAILABLE, CANCELLED it may have been sent
   */
  async send(draft: RequestDraft, options: SendOptions = {}): Promise<RequestKey> {
    this.#requireOpen()
    const request = this.#prepare(draft)
    await this.#requests.send(request, options)
    return { tenant: request.tenant, requestId: request.requestId }
  }

  /**
   * Hears of all completions that are published from now on and fit the filter, whoever sent the requests. Nothing is remembered
   * when the program ends: what must not be missed belongs in a consumer group of its own.
   * @returns ends the hearing
   * @throws TOPIC_MISSING, BROKER_UNAVAILABLE
   */
  async onCompletion(filter: CompletionFilter, handler: CompletionHandler): Promise<() => void> {
    this.#requireOpen()
    return await this.#completions.listen(filter, handler)
  }

  /**
   * Gives the workers a command; resolves with what came of it, a refusal included.
   * @throws INVALID_REQUEST, SCHEMA_MISSING, TOPIC_MISSING, SCHEMA_REGISTRY_UNAVAILABLE, BROKER_UNAVAILABLE nothing was sent
   * @throws REQUEST_TIMEOUT, CANCELLED it may still be carried out
   */
  async command(command: ModelCommandDraft['command'], options: CommandOptions = {}): Promise<CommandResult> {
    this.#requireOpen()
    const { commandId = randomUUID(), actor = null, timeoutMs = this.#timeoutMs, signal } = options
    return await this.#commands.ask({ commandId, actor, issuedAt: Date.now(), command }, { timeoutMs, signal })
  }

  /** @throws CommandRefused, for example MODEL_ALREADY_EXISTS, and what {@link ModelClient.command} throws */
  registerModel(model: ModelDefinitionDraft, options: CommandOptions = {}): Promise<CommandResult> {
    return this.#apply({ type: 'RegisterModel', model }, options)
  }

  /** @throws CommandRefused, for example PROVIDER_ALREADY_EXISTS, and what {@link ModelClient.command} throws */
  registerProvider(provider: ProviderDefinitionDraft, options: CommandOptions = {}): Promise<CommandResult> {
    return this.#apply({ type: 'RegisterProvider', provider }, options)
  }

  /** @throws CommandRefused, for example ROUTE_ALREADY_EXISTS, and what {@link ModelClient.command} throws */
  registerRoute(route: RouteDefinitionDraft, options: CommandOptions = {}): Promise<CommandResult> {
    return this.#apply({ type: 'RegisterRoute', route }, options)
  }

  /**
   * Ends a request CANCELLED, if it has not ended yet; the result is UNCHANGED where it had.
   * @throws CommandRefused, and what {@link ModelClient.command} throws
   */
  cancel(
    requestId: string,
    {
      tenant = this.#tenant,
      reason = null,
      ...options
    }: CommandOptions & { tenant?: string; reason?: string | null } = {},
  ): Promise<CommandResult> {
    return this.#apply({ type: 'CancelRequest', requestId, requestTenant: tenant, reason }, options)
  }

  /**
   * Tells what people think of an answer: a score from 0 to 1, what it should have been, a comment.
   * @throws CommandRefused, and what {@link ModelClient.command} throws
   */
  feedback(
    requestId: string,
    judgement: Pick<RecordFeedbackDraft, 'score' | 'correction' | 'comment'>,
    { tenant = this.#tenant, ...options }: CommandOptions & { tenant?: string } = {},
  ): Promise<CommandResult> {
    return this.#apply({ type: 'RecordFeedback', ...judgement, requestId, requestTenant: tenant }, options)
  }

  /**
   * Waits until Kafka has what is being sent, then ends all reading. Calls that still wait for an answer are rejected with
   * CANCELLED; their requests go on.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #call<TOutput extends Outputs>(
    input: AnyInput,
    output: TOutput,
    options: CallOptions,
  ): Promise<Completed<TOutput>> {
    const { draft, wait } = splitOptions(options)
    return requireCompleted(await this.process({ ...draft, input }, wait), output)
  }

  async #follow(request: ModelRequest, wait: WaitOptions, stream: ModelStream): Promise<CompletedChat> {
    const unfollow = this.#chunks.follow(request, (chunk) => stream.take(chunk))
    try {
      return requireCompleted(await this.#requests.ask(request, wait, () => this.#chunks.start()), 'chat')
    } finally {
      unfollow()
    }
  }

  async #apply(command: ModelCommandDraft['command'], options: CommandOptions): Promise<CommandResult> {
    const result = await this.command(command, options)
    if (result.status === 'REJECTED') throw new CommandRefused(result)
    return result
  }

  #prepare(draft: RequestDraft): ModelRequest {
    return prepareRequest(draft, { tenant: this.#tenant })
  }

  /** Writes a CancelRequest and returns at once; `close` waits for it. */
  #askForEnd({ requestId, tenant }: ModelRequest): void {
    const command = { type: 'CancelRequest' as const, requestId, requestTenant: tenant, reason: 'the caller aborted' }
    const work = this.#commands
      .write({ commandId: randomUUID(), issuedAt: Date.now(), command }, { timeoutMs: this.#sendTimeoutMs })
      .catch((error: unknown) => {
        this.#connection.log.warn({ err: error, requestId, tenant }, 'A request could not be cancelled; it goes on')
      })
      .finally(() => this.#aside.delete(work))
    this.#aside.add(work)
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }

  async #close(): Promise<void> {
    this.#requests.end(closed())
    this.#commands.end(closed())
    await Promise.all(this.#aside)
    try {
      await this.#connection.close()
    } finally {
      await this.#release()
    }
  }
}

/** Parts the fields of the request from how it is sent and awaited. */
function splitOptions(options: CallOptions): { draft: Omit<RequestDraft, 'input'>; wait: WaitOptions } {
  const { key, traceparent, tracestate, signal, timeoutMs, cancelOnAbort, ...draft } = options
  const wait = {
    ...(key !== undefined && { key }),
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
    ...(signal !== undefined && { signal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(cancelOnAbort !== undefined && { cancelOnAbort }),
  }
  return { draft, wait }
}

function closed(): ModelServiceError {
  return new ModelServiceError('CANCELLED', 'The client is closed: connect another one.')
}
