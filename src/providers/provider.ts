/**
 * The provider port: what the service asks of an AI provider. Adapters, one folder per wire format, implement it; nothing
 * of HTTP shows here. One call of a method is one attempt: an adapter never retries and never falls back.
 */
import type {
  AttemptOutcome,
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
  FinishReason,
  ImageGenerationInput,
  ImageGenerationOutput,
  RequestType,
  ToolCallDelta,
  Usage,
} from '../contract/types.ts'
import type { ErrorCode } from '../errors/catalogue.ts'
import { ModelServiceError, type ModelServiceErrorOptions } from '../errors/model-service-error.ts'
import type { RateLimitState } from '../limits/read-rate-limits.ts'

/** The input and output of each request type. */
export interface ProviderCalls {
  CHAT: { input: ChatInput; output: ChatOutput }
  COMPLETION: { input: CompletionInput; output: CompletionOutput }
  EMBEDDING: { input: EmbeddingInput; output: EmbeddingOutput }
  IMAGE_GENERATION: { input: ImageGenerationInput; output: ImageGenerationOutput }
  AUDIO_TRANSCRIPTION: { input: AudioTranscriptionInput; output: AudioTranscriptionOutput }
  AUDIO_TRANSLATION: { input: AudioTranslationInput; output: AudioTranslationOutput }
}

/** A request type that can be called. */
export type CallableType = keyof ProviderCalls

/** One attempt: the model's name at the provider, and the input with all defaults applied. */
export interface ProviderCall<TInput> {
  model: string
  input: TInput
}

/** What holds for one attempt. */
export interface CallContext {
  /** Ends the attempt; an aborted one rejects with CANCELLED, REQUEST_TIMEOUT or DEADLINE_EXCEEDED by the signal's reason. */
  signal: AbortSignal
  /** Unique per (tenant, request, attempt); sent as `idempotency-key`. */
  idempotencyKey: string
  /** Total time of the attempt in ms. */
  timeoutMs: number
  /** Time until the headers of the answer in ms, 0 for none; the HTTP client's own limit when absent. */
  firstByteTimeoutMs?: number
  /** Longest silence within the answer in ms, 0 for none; the HTTP client's own limit when absent. */
  idleTimeoutMs?: number
  /** Called once with the time (Unix ms) at which the first content came. */
  onFirstContent?(at: number): void
  /** Called when an answer begins that says what is left of the key's limits. */
  onRateLimits?(state: RateLimitState): void
  /** The attempt's chat deltas; given only when they are wanted, and then the adapter streams. */
  onDelta?(delta: ChatDelta): void
}

/** A piece of a streamed chat answer. */
export type ChatDelta =
  | { kind: 'TEXT' | 'REASONING' | 'REFUSAL'; text: string }
  | { kind: 'TOOL_CALL'; toolCall: ToolCallDelta }

/** A provider's answer, in our words. */
export interface ProviderAnswer<TOutput> {
  output: TOutput
  finishReason: FinishReason
  /** Disjoint classes; null when the provider reported none. */
  usage: Usage | null
  /** The model as the provider reports it. */
  model: string | null
  /** The provider's id of the call. */
  providerRequestId: string | null
  httpStatus: number
  /** What the provider says that it charged, in US dollars as decimal text; absent or null where it says nothing. */
  reportedUsd?: string | null
  /** Set only by an adapter that knows better than the finish reason. */
  confidence?: number
}

/** How an attempt failed, beside code and message. */
export interface ProviderErrorOptions extends ModelServiceErrorOptions {
  /** FAILED when the provider certainly did not do the work or said so; UNKNOWN when it may have done it. */
  outcome?: Extract<AttemptOutcome, 'FAILED' | 'CANCELLED' | 'UNKNOWN'>
  providerRequestId?: string
  /** How long the provider asked to wait, in ms. */
  retryAfterMs?: number
}

/** A failed attempt. */
export class ProviderError extends ModelServiceError {
  readonly outcome: Extract<AttemptOutcome, 'FAILED' | 'CANCELLED' | 'UNKNOWN'>
  readonly providerRequestId: string | null
  readonly retryAfterMs: number | null

  constructor(code: ErrorCode, message: string, options: ProviderErrorOptions = {}) {
    super(code, message, options)
    this.outcome = options.outcome ?? 'FAILED'
    this.providerRequestId = options.providerRequestId ?? null
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}

/** One configured provider. Throws only {@link ProviderError}. */
export interface ModelProvider {
  /** Id in the registry, or name of the preset. */
  readonly id: string
  /** Request types that its wire format has. */
  readonly capabilities: readonly RequestType[]
  chat(call: ProviderCall<ChatInput>, context: CallContext): Promise<ProviderAnswer<ChatOutput>>
  completion(call: ProviderCall<CompletionInput>, context: CallContext): Promise<ProviderAnswer<CompletionOutput>>
  embedding(call: ProviderCall<EmbeddingInput>, context: CallContext): Promise<ProviderAnswer<EmbeddingOutput>>
  imageGeneration(
    call: ProviderCall<ImageGenerationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<ImageGenerationOutput>>
  audioTranscription(
    call: ProviderCall<AudioTranscriptionInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranscriptionOutput>>
  audioTranslation(
    call: ProviderCall<AudioTranslationInput>,
    context: CallContext,
  ): Promise<ProviderAnswer<AudioTranslationOutput>>
  /**
   * How many input tokens the chat has, by the provider's own count; absent where the format has no such call. It asks
   * the provider, and costs nothing there.
   */
  countTokens?(call: ProviderCall<ChatInput>, context: Pick<CallContext, 'signal' | 'timeoutMs'>): Promise<number>
  /** The models that the key may use, by name at the provider. */
  listModels(context: Pick<CallContext, 'signal' | 'timeoutMs'>): Promise<string[]>
  /** Resolves when the key is accepted. @throws PROVIDER_AUTHENTICATION */
  checkKey(context: Pick<CallContext, 'signal' | 'timeoutMs'>): Promise<void>
}
