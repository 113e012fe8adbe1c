// Generated from schemas/*.avsc by scripts/generate-contract.ts. Do not edit.

/** The symbols of {@link AttemptOutcome}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const attemptOutcomeSymbols = ['UNSPECIFIED', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'UNKNOWN'] as const
/** What came of one HTTP call. UNKNOWN: sent, and nobody can know whether the provider did the work. */
export type AttemptOutcome = (typeof attemptOutcomeSymbols)[number]

/** One HTTP call to one target. */
export interface Attempt {
  /** Counts from 1 within the request, across crashes. */
  number: number
  /** Fencing token under which it was made. */
  token: number
  /** Provider id. */
  provider: string
  /** Model name that the provider was asked for. */
  model: string
  /** What came of it. */
  outcome: AttemptOutcome
  /** Unix time in ms when it was sent. */
  startedAt: number | null
  /** Unix time in ms of its first content. */
  firstChunkAt: number | null
  /** Unix time in ms when it ended. */
  finishedAt: number | null
  /** HTTP status, when there was an answer. */
  httpStatus: number | null
  /** The provider's own id of the call. */
  providerRequestId: string | null
  /** Why it failed. */
  error: ErrorDetail | null
  /** What it consumed, when known. */
  usage: Usage | null
  /** What it cost. */
  cost: Cost
}
/** {@link Attempt} as one writes it: fields with a default may be left out. */
export interface AttemptDraft {
  number?: number
  token?: number
  provider?: string
  model?: string
  outcome?: AttemptOutcome
  startedAt?: number | null
  firstChunkAt?: number | null
  finishedAt?: number | null
  httpStatus?: number | null
  providerRequestId?: string | null
  error?: ErrorDetailDraft | null
  usage?: UsageDraft | null
  cost?: CostDraft
}

/** Speech to write down in its own language. */
export interface AudioTranscriptionInput {
  /** The recording. */
  audio: MediaRef
  /** ISO 639-1 code of the speech; detected when absent. */
  language: string | null
  /** Words or style that guide the transcription. */
  prompt: string | null
  /** Which timestamps to return. */
  timestamps: TimestampGranularity
  /** 0 to 1. */
  temperature: number | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link AudioTranscriptionInput} as one writes it: fields with a default may be left out. */
export interface AudioTranscriptionInputDraft {
  audio: MediaRefDraft
  language?: string | null
  prompt?: string | null
  timestamps?: TimestampGranularity
  temperature?: number | null
  providerOptions?: Record<string, string>
}

/** The answer to an AudioTranscriptionInput. */
export interface AudioTranscriptionOutput {
  /** What was said. */
  text: string
  /** The language, as the provider names it. */
  language: string | null
  /** Length of the recording. */
  durationSeconds: number | null
  /** Sentences with their times, when asked for. */
  segments: TranscriptSegment[]
  /** Words with their times, when asked for. */
  words: TranscriptSegment[]
}
/** {@link AudioTranscriptionOutput} as one writes it: fields with a default may be left out. */
export interface AudioTranscriptionOutputDraft {
  text?: string
  language?: string | null
  durationSeconds?: number | null
  segments?: TranscriptSegmentDraft[]
  words?: TranscriptSegmentDraft[]
}

/** Speech to write down in English. */
export interface AudioTranslationInput {
  /** The recording. */
  audio: MediaRef
  /** English words or style that guide the translation. */
  prompt: string | null
  /** 0 to 1. */
  temperature: number | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link AudioTranslationInput} as one writes it: fields with a default may be left out. */
export interface AudioTranslationInputDraft {
  audio: MediaRefDraft
  prompt?: string | null
  temperature?: number | null
  providerOptions?: Record<string, string>
}

/** The answer to an AudioTranslationInput. */
export interface AudioTranslationOutput {
  /** What was said, in English. */
  text: string
  /** The language of the recording, as the provider names it. */
  language: string | null
  /** Length of the recording. */
  durationSeconds: number | null
  /** Sentences with their times, when the provider gives them. */
  segments: TranscriptSegment[]
}
/** {@link AudioTranslationOutput} as one writes it: fields with a default may be left out. */
export interface AudioTranslationOutputDraft {
  text?: string
  language?: string | null
  durationSeconds?: number | null
  segments?: TranscriptSegmentDraft[]
}

/** Ends a request CANCELLED if it has not ended yet. */
export interface CancelRequest {
  /** Id of the request. */
  requestId: string
  /** Tenant of the request. */
  requestTenant: string
  /** Why. */
  reason: string | null
}
/** {@link CancelRequest} as one writes it: fields with a default may be left out. */
export interface CancelRequestDraft {
  requestId: string
  requestTenant?: string
  reason?: string | null
}

/** A conversation to continue. */
export interface ChatInput {
  /** The conversation so far, at least one message. */
  messages: ChatMessage[]
  /** Tools that the model may call. */
  tools: Tool[]
  /** Whether and which tool must be called. */
  toolChoice: ToolChoice | null
  /** Whether several tools may be called at once. */
  parallelToolCalls: boolean | null
  /** The shape that the answer must have. */
  responseFormat: ResponseFormat | null
  /** How tokens are drawn. */
  sampling: SamplingParameters
  /** How long the model may think. */
  reasoning: ReasoningOptions | null
  /** Opaque id of the end user, passed to the provider for abuse detection. */
  user: string | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link ChatInput} as one writes it: fields with a default may be left out. */
export interface ChatInputDraft {
  messages: ChatMessageDraft[]
  tools?: ToolDraft[]
  toolChoice?: ToolChoiceDraft | null
  parallelToolCalls?: boolean | null
  responseFormat?: ResponseFormatDraft | null
  sampling?: SamplingParametersDraft
  reasoning?: ReasoningOptionsDraft | null
  user?: string | null
  providerOptions?: Record<string, string>
}

/** One message of a conversation. */
export interface ChatMessage {
  /** Who speaks. */
  role: MessageRole
  /** What is said, in order. */
  content: ContentPart[]
  /** Name of the speaker, where the provider takes one. */
  name: string | null
  /** Tool calls that this ASSISTANT message made. */
  toolCalls: ToolCall[]
  /** The call that this TOOL message answers. */
  toolCallId: string | null
}
/** {@link ChatMessage} as one writes it: fields with a default may be left out. */
export interface ChatMessageDraft {
  role?: MessageRole
  content?: ContentPartDraft[]
  name?: string | null
  toolCalls?: ToolCallDraft[]
  toolCallId?: string | null
}

/** The answer to a ChatInput. */
export interface ChatOutput {
  /** The visible answer, empty when the model only called tools or refused. */
  text: string
  /** The model's own words of refusal. */
  refusal: string | null
  /** Reasoning text, where the provider shows it. */
  reasoning: string | null
  /** Tools that the model asks to call. */
  toolCalls: ToolCall[]
}
/** {@link ChatOutput} as one writes it: fields with a default may be left out. */
export interface ChatOutputDraft {
  text?: string
  refusal?: string | null
  reasoning?: string | null
  toolCalls?: ToolCallDraft[]
}

/** The symbols of {@link ChunkKind}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const chunkKindSymbols = ['UNSPECIFIED', 'TEXT', 'REASONING', 'REFUSAL', 'TOOL_CALL'] as const
/** What a stream chunk carries. */
export type ChunkKind = (typeof chunkKindSymbols)[number]

/** The answer to a ModelCommand. */
export interface CommandResult {
  /** Id of the command. */
  commandId: string
  /** Name of the command's record, for example RegisterModel. */
  command: string
  /** What came of it. */
  status: CommandStatus
  /** What it was about. */
  entityKind: EntityKind
  /** Id of the entity. */
  entityId: string | null
  /** Registry version after it. */
  version: number | null
  /** Why it was refused. */
  error: ErrorDetail | null
  /** Unix time in ms. */
  occurredAt: number
}
/** {@link CommandResult} as one writes it: fields with a default may be left out. */
export interface CommandResultDraft {
  commandId?: string
  command?: string
  status?: CommandStatus
  entityKind?: EntityKind
  entityId?: string | null
  version?: number | null
  error?: ErrorDetailDraft | null
  occurredAt?: number
}

/** The symbols of {@link CommandStatus}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const commandStatusSymbols = ['UNSPECIFIED', 'APPLIED', 'UNCHANGED', 'REJECTED'] as const
/** APPLIED: done. UNCHANGED: nothing to do. REJECTED: refused, `error` says why. */
export type CommandStatus = (typeof commandStatusSymbols)[number]

/** A text to continue. */
export interface CompletionInput {
  /** The text to continue. */
  prompt: string
  /** Text that follows the completion, where the provider takes one. */
  suffix: string | null
  /** How tokens are drawn. */
  sampling: SamplingParameters
  /** Opaque id of the end user, passed to the provider for abuse detection. */
  user: string | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link CompletionInput} as one writes it: fields with a default may be left out. */
export interface CompletionInputDraft {
  prompt: string
  suffix?: string | null
  sampling?: SamplingParametersDraft
  user?: string | null
  providerOptions?: Record<string, string>
}

/** The answer to a CompletionInput. */
export interface CompletionOutput {
  /** The continuation. */
  text: string
}
/** {@link CompletionOutput} as one writes it: fields with a default may be left out. */
export interface CompletionOutputDraft {
  text?: string
}

/** The symbols of {@link CompletionStatus}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const completionStatusSymbols = ['UNSPECIFIED', 'COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED', 'REJECTED'] as const
/** How a request ended. COMPLETED: an answer is there. FAILED: `error` says why. EXPIRED: its deadline passed first. CANCELLED: a CancelRequest came. REJECTED: it could be read but not accepted. */
export type CompletionStatus = (typeof completionStatusSymbols)[number]

/** The symbols of {@link ConditionOperator}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const conditionOperatorSymbols = ['UNSPECIFIED', 'EQUALS', 'NOT_EQUALS', 'IN', 'NOT_IN', 'LESS_THAN', 'GREATER_THAN', 'EXISTS'] as const
/** How a route condition compares the field with its values. */
export type ConditionOperator = (typeof conditionOperatorSymbols)[number]

/** The symbols of {@link ContentKind}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const contentKindSymbols = ['UNSPECIFIED', 'TEXT', 'IMAGE', 'AUDIO', 'FILE'] as const
/** What a content part holds: TEXT uses `text`, the others use `media`. UNSPECIFIED is refused. */
export type ContentKind = (typeof contentKindSymbols)[number]

/** One part of a chat message. */
export interface ContentPart {
  /** Which of the fields below counts. */
  kind: ContentKind
  /** The text of a TEXT part. */
  text: string | null
  /** The media of an IMAGE, AUDIO or FILE part. */
  media: MediaRef | null
  /** Image resolution hint: auto, low or high. */
  detail: string | null
}
/** {@link ContentPart} as one writes it: fields with a default may be left out. */
export interface ContentPartDraft {
  kind?: ContentKind
  text?: string | null
  media?: MediaRefDraft | null
  detail?: string | null
}

/** What a call cost. An unknown price gives a null amount and a reason, never 0. */
export interface Cost {
  /** The amount in `currency`, or null when it is not known. */
  amount: string | null
  /** ISO 4217 code. */
  currency: string
  /** Why `amount` is null, for example PRICE_UNKNOWN, NO_CALL, OUTCOME_UNKNOWN. */
  unknownReason: string | null
  /** Where the price came from: registry, or genai-prices. */
  priceSource: string | null
  /** Version of the rate card that was applied. */
  priceCardVersion: string | null
  /** What the provider itself says that it charged, in US dollars, to compare `amount` with; null where it says nothing. */
  reportedUsd: string | null
}
/** {@link Cost} as one writes it: fields with a default may be left out. */
export interface CostDraft {
  amount?: string | null
  currency?: string
  unknownReason?: string | null
  priceSource?: string | null
  priceCardVersion?: string | null
  reportedUsd?: string | null
}

/** Removes a model. */
export interface DeleteModel {
  /** Id of the model. */
  id: string
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link DeleteModel} as one writes it: fields with a default may be left out. */
export interface DeleteModelDraft {
  id: string
  expectedVersion?: number | null
}

/** Removes a provider. */
export interface DeleteProvider {
  /** Id of the provider. */
  id: string
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link DeleteProvider} as one writes it: fields with a default may be left out. */
export interface DeleteProviderDraft {
  id: string
  expectedVersion?: number | null
}

/** Removes a route. */
export interface DeleteRoute {
  /** Id of the route. */
  id: string
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link DeleteRoute} as one writes it: fields with a default may be left out. */
export interface DeleteRouteDraft {
  id: string
  expectedVersion?: number | null
}

/** Texts to turn into vectors. */
export interface EmbeddingInput {
  /** 1 to 2048 non-empty texts; the vectors come back in this order. */
  texts: string[]
  /** Length of the vectors, where the model lets one choose. */
  dimensions: number | null
  /** Opaque id of the end user, passed to the provider for abuse detection. */
  user: string | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link EmbeddingInput} as one writes it: fields with a default may be left out. */
export interface EmbeddingInputDraft {
  texts: string[]
  dimensions?: number | null
  user?: string | null
  providerOptions?: Record<string, string>
}

/** The answer to an EmbeddingInput. */
export interface EmbeddingOutput {
  /** One vector per text, in the order of the request. */
  vectors: EmbeddingVector[]
  /** Length of each vector. */
  dimensions: number
}
/** {@link EmbeddingOutput} as one writes it: fields with a default may be left out. */
export interface EmbeddingOutputDraft {
  vectors?: EmbeddingVectorDraft[]
  dimensions?: number
}

/** One vector. */
export interface EmbeddingVector {
  /** Place of its text in the request. */
  index: number
  /** The vector. */
  values: number[]
}
/** {@link EmbeddingVector} as one writes it: fields with a default may be left out. */
export interface EmbeddingVectorDraft {
  index?: number
  values?: number[]
}

/** The symbols of {@link EntityKind}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const entityKindSymbols = ['UNSPECIFIED', 'MODEL', 'PROVIDER', 'ROUTE'] as const
/** What a registry change is about. */
export type EntityKind = (typeof entityKindSymbols)[number]

/** Why a request or a command did not succeed. */
export interface ErrorDetail {
  /** Stable code from the error catalogue. */
  code: string
  /** What was wrong, what was expected and what to do. Never a prompt, an answer or a key. */
  message: string
  /** Whether sending the same again may succeed. */
  retryable: boolean
  /** The provider that refused, when one did. */
  provider: string | null
  /** HTTP status of the provider's answer, when there was one. */
  httpStatus: number | null
}
/** {@link ErrorDetail} as one writes it: fields with a default may be left out. */
export interface ErrorDetailDraft {
  code?: string
  message?: string
  retryable?: boolean
  provider?: string | null
  httpStatus?: number | null
}

/** The symbols of {@link FinishReason}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const finishReasonSymbols = ['UNSPECIFIED', 'STOP', 'LENGTH', 'TOOL_CALLS', 'CONTENT_FILTER', 'ERROR', 'OTHER'] as const
/** Why the model stopped, in one vocabulary for all providers. */
export type FinishReason = (typeof finishReasonSymbols)[number]

/** One image. */
export interface GeneratedImage {
  /** The image. */
  media: MediaRef | null
  /** The prompt that the provider really used. */
  revisedPrompt: string | null
}
/** {@link GeneratedImage} as one writes it: fields with a default may be left out. */
export interface GeneratedImageDraft {
  media?: MediaRefDraft | null
  revisedPrompt?: string | null
}

/** Images to generate. */
export interface ImageGenerationInput {
  /** What to draw. */
  prompt: string
  /** How many images, 1 to 10. */
  count: number
  /** WIDTHxHEIGHT in pixels, or auto. */
  size: string | null
  /** Provider's word for quality. */
  quality: string | null
  /** Provider's word for style. */
  style: string | null
  /** transparent, opaque or auto. */
  background: string | null
  /** png, jpeg or webp. */
  outputFormat: string | null
  /** Opaque id of the end user, passed to the provider for abuse detection. */
  user: string | null
  /** Further fields of the provider's request body, name to JSON text. May not override what we set, headers or the URL. */
  providerOptions: Record<string, string>
}
/** {@link ImageGenerationInput} as one writes it: fields with a default may be left out. */
export interface ImageGenerationInputDraft {
  prompt: string
  count?: number
  size?: string | null
  quality?: string | null
  style?: string | null
  background?: string | null
  outputFormat?: string | null
  user?: string | null
  providerOptions?: Record<string, string>
}

/** The answer to an ImageGenerationInput. */
export interface ImageGenerationOutput {
  /** The images, in the provider's order. */
  images: GeneratedImage[]
}
/** {@link ImageGenerationOutput} as one writes it: fields with a default may be left out. */
export interface ImageGenerationOutputDraft {
  images?: GeneratedImageDraft[]
}

/** The symbols of {@link Lane}; a reader takes one that it does not know for `NORMAL`. */
export const laneSymbols = ['INTERACTIVE', 'NORMAL', 'BULK'] as const
/** How urgent a request is. An unknown symbol from a newer writer reads as NORMAL. */
export type Lane = (typeof laneSymbols)[number]

/** Limits per provider key, over all workers. Null means none of our own. */
export interface Limits {
  /** Calls in flight. */
  maxConcurrentCalls: number | null
  /** Requests a minute. */
  requestsPerMinute: number | null
  /** Tokens a minute. */
  tokensPerMinute: number | null
}
/** {@link Limits} as one writes it: fields with a default may be left out. */
export interface LimitsDraft {
  maxConcurrentCalls?: number | null
  requestsPerMinute?: number | null
  tokensPerMinute?: number | null
}

/** Media carried inline or by address: exactly one of `bytes` and `url` is set in a request. */
export interface MediaRef {
  /** The media itself. */
  bytes: Buffer | null
  /** Where the media lies (http or https). */
  url: string | null
  /** Lower-case hexadecimal SHA-256 of the media's bytes; checked when present. */
  sha256: string | null
  /** IANA media type, for example image/png or audio/wav. */
  mediaType: string
  /** Name shown to the provider; derived from the media type when absent. */
  filename: string | null
}
/** {@link MediaRef} as one writes it: fields with a default may be left out. */
export interface MediaRefDraft {
  bytes?: Buffer | null
  url?: string | null
  sha256?: string | null
  mediaType?: string
  filename?: string | null
}

/** The symbols of {@link MessageRole}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const messageRoleSymbols = ['UNSPECIFIED', 'SYSTEM', 'USER', 'ASSISTANT', 'TOOL'] as const
/** Who speaks in a chat message. UNSPECIFIED is refused. */
export type MessageRole = (typeof messageRoleSymbols)[number]

/** A live delta of a streamed request. Best effort: order by (token, attempt, index), drop the lower (token, attempt); the terminal record supersedes all. */
export interface ModelChunk {
  /** Id of the request. */
  requestId: string
  /** Tenant of the request. */
  tenant: string
  /** Fencing token of the claim. */
  token: number
  /** Attempt number. */
  attempt: number
  /** Counts from 0 within the attempt. */
  index: number
  /** What it carries. */
  kind: ChunkKind
  /** Text of a TEXT, REASONING or REFUSAL chunk. */
  text: string | null
  /** Piece of a tool call. */
  toolCall: ToolCallDelta | null
  /** Unix time in ms when it arrived. */
  createdAt: number | null
}
/** {@link ModelChunk} as one writes it: fields with a default may be left out. */
export interface ModelChunkDraft {
  requestId?: string
  tenant?: string
  token?: number
  attempt?: number
  index?: number
  kind?: ChunkKind
  text?: string | null
  toolCall?: ToolCallDeltaDraft | null
  createdAt?: number | null
}

/** An order to change the registry or a request. Idempotent by commandId, answered by one CommandResult. */
export interface ModelCommand {
  /** 1 to 128 visible ASCII characters. The same id is carried out once. */
  commandId: string
  /** Who gives it, for the record. */
  actor: string | null
  /** Unix time in ms when it was given. */
  issuedAt: number | null
  /** What to do. */
  command: ({ type: 'RegisterModel' } & RegisterModel) | ({ type: 'UpdateModel' } & UpdateModel) | ({ type: 'DeleteModel' } & DeleteModel) | ({ type: 'SetModelStatus' } & SetModelStatus) | ({ type: 'RegisterProvider' } & RegisterProvider) | ({ type: 'UpdateProvider' } & UpdateProvider) | ({ type: 'DeleteProvider' } & DeleteProvider) | ({ type: 'RegisterRoute' } & RegisterRoute) | ({ type: 'UpdateRoute' } & UpdateRoute) | ({ type: 'DeleteRoute' } & DeleteRoute) | ({ type: 'RecordFeedback' } & RecordFeedback) | ({ type: 'CancelRequest' } & CancelRequest) | ({ type: 'SetLimits' } & SetLimits)
}
/** {@link ModelCommand} as one writes it: fields with a default may be left out. */
export interface ModelCommandDraft {
  commandId: string
  actor?: string | null
  issuedAt?: number | null
  command: ({ type: 'RegisterModel' } & RegisterModelDraft) | ({ type: 'UpdateModel' } & UpdateModelDraft) | ({ type: 'DeleteModel' } & DeleteModelDraft) | ({ type: 'SetModelStatus' } & SetModelStatusDraft) | ({ type: 'RegisterProvider' } & RegisterProviderDraft) | ({ type: 'UpdateProvider' } & UpdateProviderDraft) | ({ type: 'DeleteProvider' } & DeleteProviderDraft) | ({ type: 'RegisterRoute' } & RegisterRouteDraft) | ({ type: 'UpdateRoute' } & UpdateRouteDraft) | ({ type: 'DeleteRoute' } & DeleteRouteDraft) | ({ type: 'RecordFeedback' } & RecordFeedbackDraft) | ({ type: 'CancelRequest' } & CancelRequestDraft) | ({ type: 'SetLimits' } & SetLimitsDraft)
}

/** The terminal record of a request: exactly one per (tenant, requestId). */
export interface ModelCompletion {
  /** Id of the request. */
  requestId: string
  /** Tenant of the request. */
  tenant: string
  /** How it ended. */
  status: CompletionStatus
  /** Which of the six outputs below counts. */
  kind: RequestType
  /** Answer to a chat. */
  chat: ChatOutput | null
  /** Answer to a completion. */
  completion: CompletionOutput | null
  /** Answer to an embedding. */
  embedding: EmbeddingOutput | null
  /** Answer to an image generation. */
  imageGeneration: ImageGenerationOutput | null
  /** Answer to a transcription. */
  audioTranscription: AudioTranscriptionOutput | null
  /** Answer to a translation. */
  audioTranslation: AudioTranslationOutput | null
  /** Why the model stopped. */
  finishReason: FinishReason
  /** 0 to 1; null on failure. STOP 0.9, LENGTH 0.7, else 0.5, unless an adapter knows better. */
  confidence: number | null
  /** Consumption of all attempts together. */
  usage: Usage | null
  /** Cost of all attempts together. */
  cost: Cost
  /** Why it did not complete. */
  error: ErrorDetail | null
  /** Every provider call, in order. */
  attempts: Attempt[]
  /** When it passed each point. */
  timings: Timings
  /** Registered model that answered, or the name that was asked for. */
  model: string | null
  /** Provider that answered. */
  provider: string | null
  /** Model name as the provider reported it. */
  providerModel: string | null
  /** Route that chose the target. */
  route: string | null
  /** Registry version under which the request was planned. */
  registryVersion: number | null
  /** Echo of the request. */
  taskType: string | null
  /** Echo of the request. */
  specializationId: string | null
  /** Echo of the request. */
  lane: Lane
  /** Echo of the request. */
  metadata: Record<string, string>
  /** Fencing token of the claim that settled it. */
  token: number
  /** Where the request lay. */
  source: SourceCoordinates | null
  /** `v1:` and the lower-case hexadecimal SHA-256 of the canonical request. */
  payloadHash: string | null
  /** Pointer to the body in the request log when it was too large to publish. */
  storedBody: string | null
  /** What the reader should know. */
  warnings: Warning[]
  /** Which target was chosen and why; null when the request was refused before. */
  routing: RoutingDecision | null
}
/** {@link ModelCompletion} as one writes it: fields with a default may be left out. */
export interface ModelCompletionDraft {
  requestId?: string
  tenant?: string
  status?: CompletionStatus
  kind?: RequestType
  chat?: ChatOutputDraft | null
  completion?: CompletionOutputDraft | null
  embedding?: EmbeddingOutputDraft | null
  imageGeneration?: ImageGenerationOutputDraft | null
  audioTranscription?: AudioTranscriptionOutputDraft | null
  audioTranslation?: AudioTranslationOutputDraft | null
  finishReason?: FinishReason
  confidence?: number | null
  usage?: UsageDraft | null
  cost?: CostDraft
  error?: ErrorDetailDraft | null
  attempts?: AttemptDraft[]
  timings?: TimingsDraft
  model?: string | null
  provider?: string | null
  providerModel?: string | null
  route?: string | null
  registryVersion?: number | null
  taskType?: string | null
  specializationId?: string | null
  lane?: Lane
  metadata?: Record<string, string>
  token?: number
  source?: SourceCoordinatesDraft | null
  payloadHash?: string | null
  storedBody?: string | null
  warnings?: WarningDraft[]
  routing?: RoutingDecisionDraft | null
}

/** A model in the registry. */
export interface ModelDefinition {
  /** 1 to 128 visible ASCII characters. */
  id: string
  /** Id of a registered provider or name of a preset. */
  provider: string
  /** Name at the provider; the id when absent. */
  providerModel: string | null
  /** Name for people. */
  displayName: string | null
  /** What it is good for. */
  description: string | null
  /** Request types that it serves, at least one. */
  capabilities: RequestType[]
  /** Whether it serves. */
  status: ModelStatus
  /** Tokens that input and output may have together. */
  contextWindow: number | null
  /** Tokens that the output may have. */
  maxOutputTokens: number | null
  /** The operator's own price. */
  price: PriceOverride | null
  /** Name to JSON text, used where the request says nothing. */
  defaultParameters: Record<string, string>
  /** Free labels. */
  metadata: Record<string, string>
  /** Kinds of task that it is meant for, as requests name them in taskType. For lists; a request is not held to them. */
  taskTypes: string[]
}
/** {@link ModelDefinition} as one writes it: fields with a default may be left out. */
export interface ModelDefinitionDraft {
  id?: string
  provider?: string
  providerModel?: string | null
  displayName?: string | null
  description?: string | null
  capabilities?: RequestType[]
  status?: ModelStatus
  contextWindow?: number | null
  maxOutputTokens?: number | null
  price?: PriceOverrideDraft | null
  defaultParameters?: Record<string, string>
  metadata?: Record<string, string>
  taskTypes?: string[]
}

/** One unit of work, identified by (tenant, requestId). Ends in exactly one ModelCompletion. */
export interface ModelRequest {
  /** 1 to 128 visible ASCII characters, unique per tenant. The same id with the same content is the same request. */
  requestId: string
  /** Who asks and is charged: 1 to 128 visible ASCII characters. */
  tenant: string
  /** A registered model, a route, or a provider's own model name. */
  model: string | null
  /** Forces the provider when `model` is not registered; alone it means that provider's default model. */
  provider: string | null
  /** What the work is for; routes and performance statistics may use it. */
  taskType: string | null
  /** Adds the prompt of this specialization to the system message or before the prompt. */
  specializationId: string | null
  /** How urgent it is. */
  lane: Lane
  /** Unix time in ms after which no call is begun and the request ends EXPIRED. */
  deadline: number | null
  /** Whether live deltas are published to the chunk topic. */
  stream: boolean
  /** What to do when nobody can know whether the provider call was made. */
  onUncertain: OnUncertain
  /** Free labels, echoed in the completion; routes may use them. */
  metadata: Record<string, string>
  /** What to do: one record per request type. */
  input: ({ type: 'ChatInput' } & ChatInput) | ({ type: 'CompletionInput' } & CompletionInput) | ({ type: 'EmbeddingInput' } & EmbeddingInput) | ({ type: 'ImageGenerationInput' } & ImageGenerationInput) | ({ type: 'AudioTranscriptionInput' } & AudioTranscriptionInput) | ({ type: 'AudioTranslationInput' } & AudioTranslationInput)
}
/** {@link ModelRequest} as one writes it: fields with a default may be left out. */
export interface ModelRequestDraft {
  requestId: string
  tenant?: string
  model?: string | null
  provider?: string | null
  taskType?: string | null
  specializationId?: string | null
  lane?: Lane
  deadline?: number | null
  stream?: boolean
  onUncertain?: OnUncertain
  metadata?: Record<string, string>
  input: ({ type: 'ChatInput' } & ChatInputDraft) | ({ type: 'CompletionInput' } & CompletionInputDraft) | ({ type: 'EmbeddingInput' } & EmbeddingInputDraft) | ({ type: 'ImageGenerationInput' } & ImageGenerationInputDraft) | ({ type: 'AudioTranscriptionInput' } & AudioTranscriptionInputDraft) | ({ type: 'AudioTranslationInput' } & AudioTranslationInputDraft)
}

/** The symbols of {@link ModelStatus}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const modelStatusSymbols = ['UNSPECIFIED', 'ACTIVE', 'INACTIVE', 'DEPRECATED'] as const
/** ACTIVE serves; DEPRECATED serves with a warning; INACTIVE is refused with MODEL_INACTIVE. */
export type ModelStatus = (typeof modelStatusSymbols)[number]

/** The symbols of {@link OnUncertain}; a reader takes one that it does not know for `FAIL`. */
export const onUncertainSymbols = ['RETRY', 'FAIL'] as const
/** What to do when nobody can know whether a provider call was made: RETRY calls again, FAIL ends the request with OUTCOME_UNKNOWN. An unknown symbol reads as FAIL, which never pays twice. */
export type OnUncertain = (typeof onUncertainSymbols)[number]

/** What one attempt or one request took, or how its answer was judged. Never holds content. */
export interface PerformanceEvent {
  /** Attempt, request or feedback. */
  kind: PerformanceKind
  /** Id of the request. */
  requestId: string
  /** Tenant of the request. */
  tenant: string
  /** Kind of work. */
  requestType: RequestType
  /** Task type of the request. */
  taskType: string | null
  /** Lane of the request. */
  lane: Lane
  /** Registered model, or the name that was asked for. */
  model: string | null
  /** Provider. */
  provider: string | null
  /** Model name at the provider. */
  providerModel: string | null
  /** Attempt number; for a request the number of attempts. */
  attempt: number
  /** Fencing token. */
  token: number
  /** Outcome of an attempt. */
  outcome: AttemptOutcome
  /** Status of a request. */
  status: CompletionStatus
  /** Code from the error catalogue. */
  errorCode: string | null
  /** HTTP status of an attempt. */
  httpStatus: number | null
  /** From append to claim. */
  queuedMs: number | null
  /** From the start to the first content. */
  firstChunkMs: number | null
  /** From the start to the end. */
  durationMs: number
  /** Consumption, when known. */
  usage: Usage | null
  /** Cost. */
  cost: Cost
  /** Which target was chosen and why. */
  routing: RoutingDecision | null
  /** Registry version under which the request was planned. */
  registryVersion: number | null
  /** Unix time in ms when it ended. */
  occurredAt: number
  /** Of feedback: how good the answer was, 0 to 1; null when the feedback has no score. */
  score: number | null
}
/** {@link PerformanceEvent} as one writes it: fields with a default may be left out. */
export interface PerformanceEventDraft {
  kind?: PerformanceKind
  requestId?: string
  tenant?: string
  requestType?: RequestType
  taskType?: string | null
  lane?: Lane
  model?: string | null
  provider?: string | null
  providerModel?: string | null
  attempt?: number
  token?: number
  outcome?: AttemptOutcome
  status?: CompletionStatus
  errorCode?: string | null
  httpStatus?: number | null
  queuedMs?: number | null
  firstChunkMs?: number | null
  durationMs?: number
  usage?: UsageDraft | null
  cost?: CostDraft
  routing?: RoutingDecisionDraft | null
  registryVersion?: number | null
  occurredAt?: number
  score?: number | null
}

/** The symbols of {@link PerformanceKind}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const performanceKindSymbols = ['UNSPECIFIED', 'ATTEMPT', 'REQUEST', 'FEEDBACK'] as const
/** Whether a performance event accounts for one attempt, for a whole request, or for what somebody thinks of its answer. */
export type PerformanceKind = (typeof performanceKindSymbols)[number]

/** A price of the operator's own, before any public price list. What is null is not charged separately. */
export interface PriceOverride {
  /** ISO 4217 code. */
  currency: string
  /** Uncached input, per 10^6 tokens. */
  inputPerMillionTokens: string | null
  /** Cached input, per 10^6 tokens. */
  cacheReadPerMillionTokens: string | null
  /** Cache writes, per 10^6 tokens. */
  cacheWritePerMillionTokens: string | null
  /** Output and reasoning, per 10^6 tokens. */
  outputPerMillionTokens: string | null
  /** Each generated image. */
  perImage: string | null
  /** Each minute of processed audio. */
  perAudioMinute: string | null
}
/** {@link PriceOverride} as one writes it: fields with a default may be left out. */
export interface PriceOverrideDraft {
  currency?: string
  inputPerMillionTokens?: string | null
  cacheReadPerMillionTokens?: string | null
  cacheWritePerMillionTokens?: string | null
  outputPerMillionTokens?: string | null
  perImage?: string | null
  perAudioMinute?: string | null
}

/** A provider in the registry. */
export interface ProviderDefinition {
  /** 1 to 128 visible ASCII characters. */
  id: string
  /** Wire format or preset, for example openai. */
  kind: string
  /** Base address; the preset's own when absent. Its host must be on the allow-list. */
  baseUrl: string | null
  /** Names that begin with MODEL_KEY_, or files beneath the secrets directory. Never a key. */
  keyReferences: string[]
  /** Model for requests that name only the provider. */
  defaultModel: string | null
  /** Limits per key. */
  limits: Limits | null
  /** Free labels. */
  metadata: Record<string, string>
}
/** {@link ProviderDefinition} as one writes it: fields with a default may be left out. */
export interface ProviderDefinitionDraft {
  id?: string
  kind?: string
  baseUrl?: string | null
  keyReferences?: string[]
  defaultModel?: string | null
  limits?: LimitsDraft | null
  metadata?: Record<string, string>
}

/** The symbols of {@link ReasoningEffort}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const reasoningEffortSymbols = ['UNSPECIFIED', 'NONE', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH'] as const
/** How long a reasoning model may think; UNSPECIFIED leaves it to the provider. */
export type ReasoningEffort = (typeof reasoningEffortSymbols)[number]

/** How long a reasoning model may think. */
export interface ReasoningOptions {
  /** Level, for providers that take one. */
  effort: ReasoningEffort
  /** Budget in tokens, for providers that take one. */
  maxTokens: number | null
}
/** {@link ReasoningOptions} as one writes it: fields with a default may be left out. */
export interface ReasoningOptionsDraft {
  effort?: ReasoningEffort
  maxTokens?: number | null
}

/** People's judgement of an answer. The latest score of an actor replaces the earlier one; a score weighs as much as two answers. */
export interface RecordFeedback {
  /** Id of the request. */
  requestId: string
  /** Tenant of the request. */
  requestTenant: string
  /** How good the answer was, 0 to 1; null leaves an earlier score of the actor as it is. */
  score: number | null
  /** What the answer should have been; at most 100,000 characters. */
  correction: string | null
  /** Free words; at most 10,000 characters. */
  comment: string | null
}
/** {@link RecordFeedback} as one writes it: fields with a default may be left out. */
export interface RecordFeedbackDraft {
  requestId: string
  requestTenant?: string
  score?: number | null
  correction?: string | null
  comment?: string | null
}

/** Adds a model; refused when the id is taken. */
export interface RegisterModel {
  /** The model. */
  model: ModelDefinition
}
/** {@link RegisterModel} as one writes it: fields with a default may be left out. */
export interface RegisterModelDraft {
  model: ModelDefinitionDraft
}

/** Adds a provider; refused when the id is taken. */
export interface RegisterProvider {
  /** The provider. */
  provider: ProviderDefinition
}
/** {@link RegisterProvider} as one writes it: fields with a default may be left out. */
export interface RegisterProviderDraft {
  provider: ProviderDefinitionDraft
}

/** Adds a route; refused when the id is taken. */
export interface RegisterRoute {
  /** The route. */
  route: RouteDefinition
}
/** {@link RegisterRoute} as one writes it: fields with a default may be left out. */
export interface RegisterRouteDraft {
  route: RouteDefinitionDraft
}

/** The symbols of {@link RegistryAction}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const registryActionSymbols = ['UNSPECIFIED', 'REGISTERED', 'UPDATED', 'DELETED'] as const
/** What happened to a registry entity. */
export type RegistryAction = (typeof registryActionSymbols)[number]

/** A change of the registry, with the full state after it. */
export interface RegistryEvent {
  /** What changed. */
  kind: EntityKind
  /** How. */
  action: RegistryAction
  /** Id of the entity. */
  id: string
  /** Registry-wide version of this change. */
  version: number
  /** State of a model; null when deleted. */
  model: ModelDefinition | null
  /** State of a provider; null when deleted. */
  provider: ProviderDefinition | null
  /** State of a route; null when deleted. */
  route: RouteDefinition | null
  /** Command that caused it. */
  commandId: string | null
  /** Who gave the command. */
  actor: string | null
  /** Unix time in ms. */
  occurredAt: number
}
/** {@link RegistryEvent} as one writes it: fields with a default may be left out. */
export interface RegistryEventDraft {
  kind?: EntityKind
  action?: RegistryAction
  id?: string
  version?: number
  model?: ModelDefinitionDraft | null
  provider?: ProviderDefinitionDraft | null
  route?: RouteDefinitionDraft | null
  commandId?: string | null
  actor?: string | null
  occurredAt?: number
}

/** The symbols of {@link RequestType}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const requestTypeSymbols = ['UNSPECIFIED', 'CHAT', 'COMPLETION', 'EMBEDDING', 'IMAGE_GENERATION', 'AUDIO_TRANSCRIPTION', 'AUDIO_TRANSLATION'] as const
/** The six kinds of model request; also what a model is capable of. */
export type RequestType = (typeof requestTypeSymbols)[number]

/** The symbols of {@link ResponseFormatKind}; a reader takes one that it does not know for `TEXT`. */
export const responseFormatKindSymbols = ['TEXT', 'JSON_OBJECT', 'JSON_SCHEMA'] as const
/** The shape that a chat answer must have. */
export type ResponseFormatKind = (typeof responseFormatKindSymbols)[number]

/** The shape that a chat answer must have. */
export interface ResponseFormat {
  /** The shape. */
  kind: ResponseFormatKind
  /** Name of the schema, for JSON_SCHEMA. */
  name: string | null
  /** JSON text of the JSON Schema, for JSON_SCHEMA. */
  schema: string | null
  /** Ask the provider to hold the answer to the schema. */
  strict: boolean
}
/** {@link ResponseFormat} as one writes it: fields with a default may be left out. */
export interface ResponseFormatDraft {
  kind?: ResponseFormatKind
  name?: string | null
  schema?: string | null
  strict?: boolean
}

/** A condition under which a route's target list applies. */
export interface RouteCondition {
  /** metadata.NAME, tenant, taskType, requestType or inputTokens. */
  field: string
  /** How to compare. */
  operator: ConditionOperator
  /** What to compare with. */
  values: string[]
}
/** {@link RouteCondition} as one writes it: fields with a default may be left out. */
export interface RouteConditionDraft {
  field?: string
  operator?: ConditionOperator
  values?: string[]
}

/** A name that resolves to a list of targets. */
export interface RouteDefinition {
  /** 1 to 128 visible ASCII characters. */
  id: string
  /** How targets are ordered. */
  strategy: RouteStrategy
  /** At least one. */
  targets: RouteTarget[]
  /** All must hold, else the route is skipped for `otherwise`. */
  conditions: RouteCondition[]
  /** Model or route when the conditions do not hold. */
  otherwise: string | null
  /** Model or route for requests too long for the target. */
  onContextLength: string | null
  /** Model or route for requests that a target refused for their content; null lets the refusal stand. */
  onContentFilter: string | null
  /** Free labels. */
  metadata: Record<string, string>
}
/** {@link RouteDefinition} as one writes it: fields with a default may be left out. */
export interface RouteDefinitionDraft {
  id?: string
  strategy?: RouteStrategy
  targets?: RouteTargetDraft[]
  conditions?: RouteConditionDraft[]
  otherwise?: string | null
  onContextLength?: string | null
  onContentFilter?: string | null
  metadata?: Record<string, string>
}

/** The symbols of {@link RouteStrategy}; a reader takes one that it does not know for `UNSPECIFIED`. */
export const routeStrategySymbols = ['UNSPECIFIED', 'ORDERED', 'WEIGHTED', 'LOWEST_LATENCY', 'LOWEST_COST', 'BEST_QUALITY'] as const
/** How a route orders its targets. */
export type RouteStrategy = (typeof routeStrategySymbols)[number]

/** One target of a route. */
export interface RouteTarget {
  /** A registered model. */
  model: string
  /** Share, for WEIGHTED. */
  weight: number
  /** Total time of one attempt. */
  timeoutMs: number | null
  /** Retries on this target. */
  maxRetries: number | null
  /** Name to JSON text, over the model's defaults. */
  parameters: Record<string, string>
}
/** {@link RouteTarget} as one writes it: fields with a default may be left out. */
export interface RouteTargetDraft {
  model?: string
  weight?: number
  timeoutMs?: number | null
  maxRetries?: number | null
  parameters?: Record<string, string>
}

/** Which target was chosen and why. */
export interface RoutingDecision {
  /** The route, when the request named one. */
  route: string | null
  /** The route's strategy. */
  strategy: RouteStrategy
  /** What decided, in order, in words. */
  reasons: string[]
}
/** {@link RoutingDecision} as one writes it: fields with a default may be left out. */
export interface RoutingDecisionDraft {
  route?: string | null
  strategy?: RouteStrategy
  reasons?: string[]
}

/** How tokens are drawn. What is null is left to the model's default parameters, then to the provider. */
export interface SamplingParameters {
  /** 0 to 2. */
  temperature: number | null
  /** Nucleus sampling, 0 to 1. */
  topP: number | null
  /** At least 1. */
  topK: number | null
  /** -2 to 2. */
  frequencyPenalty: number | null
  /** -2 to 2. */
  presencePenalty: number | null
  /** For providers that can repeat a draw. */
  seed: number | null
  /** Up to 4 texts that end the answer. */
  stop: string[]
  /** Upper limit of output tokens, reasoning included. */
  maxOutputTokens: number | null
}
/** {@link SamplingParameters} as one writes it: fields with a default may be left out. */
export interface SamplingParametersDraft {
  temperature?: number | null
  topP?: number | null
  topK?: number | null
  frequencyPenalty?: number | null
  presencePenalty?: number | null
  seed?: number | null
  stop?: string[]
  maxOutputTokens?: number | null
}

/** Sets the limits of a provider. */
export interface SetLimits {
  /** Id of the provider. */
  provider: string
  /** The new limits. */
  limits: Limits
}
/** {@link SetLimits} as one writes it: fields with a default may be left out. */
export interface SetLimitsDraft {
  provider: string
  limits: LimitsDraft
}

/** Sets whether a model serves. */
export interface SetModelStatus {
  /** Id of the model. */
  id: string
  /** The new status. */
  status: ModelStatus
}
/** {@link SetModelStatus} as one writes it: fields with a default may be left out. */
export interface SetModelStatusDraft {
  id: string
  status: ModelStatus
}

/** Where in Kafka a record lies. */
export interface SourceCoordinates {
  /** Topic. */
  topic: string
  /** Partition. */
  partition: number
  /** Offset. */
  offset: number
}
/** {@link SourceCoordinates} as one writes it: fields with a default may be left out. */
export interface SourceCoordinatesDraft {
  topic?: string
  partition?: number
  offset?: number
}

/** The symbols of {@link TimestampGranularity}; a reader takes one that it does not know for `NONE`. */
export const timestampGranularitySymbols = ['NONE', 'SEGMENT', 'WORD'] as const
/** Which timestamps a transcription carries. */
export type TimestampGranularity = (typeof timestampGranularitySymbols)[number]

/** When a request passed each point, Unix time in ms. */
export interface Timings {
  /** When the producer's record was appended. */
  queuedAt: number | null
  /** When a worker claimed it. */
  claimedAt: number | null
  /** When the first content of the answer came. */
  firstChunkAt: number | null
  /** When the outcome was known. */
  finishedAt: number | null
}
/** {@link Timings} as one writes it: fields with a default may be left out. */
export interface TimingsDraft {
  queuedAt?: number | null
  claimedAt?: number | null
  firstChunkAt?: number | null
  finishedAt?: number | null
}

/** A piece of a tool call. */
export interface ToolCallDelta {
  /** Which of the parallel calls. */
  index: number
  /** Id, in the first piece. */
  id: string | null
  /** Name, in the first piece. */
  name: string | null
  /** Piece of the JSON text of the arguments. */
  arguments: string
}
/** {@link ToolCallDelta} as one writes it: fields with a default may be left out. */
export interface ToolCallDeltaDraft {
  index?: number
  id?: string | null
  name?: string | null
  arguments?: string
}

/** A call of a tool that the model asked for. */
export interface ToolCall {
  /** The id that a tool message answers to. */
  id: string
  /** Name of the tool. */
  name: string
  /** JSON text of the arguments, as the model wrote it. */
  arguments: string
  /** Opaque token of the provider that made the call, for example Gemini's thought signature. Send it back with the call, unchanged; other providers ignore it. */
  providerState: string | null
}
/** {@link ToolCall} as one writes it: fields with a default may be left out. */
export interface ToolCallDraft {
  id?: string
  name?: string
  arguments?: string
  providerState?: string | null
}

/** The symbols of {@link ToolChoiceMode}; a reader takes one that it does not know for `AUTO`. */
export const toolChoiceModeSymbols = ['AUTO', 'NONE', 'REQUIRED', 'TOOL'] as const
/** Whether the model may, must or must not call tools; TOOL names one in `name`. */
export type ToolChoiceMode = (typeof toolChoiceModeSymbols)[number]

/** Whether and which tool the model must call. */
export interface ToolChoice {
  /** The rule. */
  mode: ToolChoiceMode
  /** The tool, when mode is TOOL. */
  name: string | null
}
/** {@link ToolChoice} as one writes it: fields with a default may be left out. */
export interface ToolChoiceDraft {
  mode?: ToolChoiceMode
  name?: string | null
}

/** A function that the model may call. */
export interface Tool {
  /** Up to 64 letters, digits, underscores and dashes. */
  name: string
  /** What it does and when to call it. */
  description: string | null
  /** JSON text of the JSON Schema of its arguments. */
  parameters: string
  /** Ask the provider to hold the arguments to the schema. */
  strict: boolean
}
/** {@link Tool} as one writes it: fields with a default may be left out. */
export interface ToolDraft {
  name: string
  description?: string | null
  parameters?: string
  strict?: boolean
}

/** A stretch of speech. */
export interface TranscriptSegment {
  /** Where it begins. */
  startSeconds: number
  /** Where it ends. */
  endSeconds: number
  /** What is said. */
  text: string
}
/** {@link TranscriptSegment} as one writes it: fields with a default may be left out. */
export interface TranscriptSegmentDraft {
  startSeconds?: number
  endSeconds?: number
  text?: string
}

/** Replaces the fields of a model that `fields` names; the others stay. */
export interface UpdateModel {
  /** Carries the id and the new values. */
  model: ModelDefinition
  /** Names of the fields to take over from it, at least one. */
  fields: string[]
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link UpdateModel} as one writes it: fields with a default may be left out. */
export interface UpdateModelDraft {
  model: ModelDefinitionDraft
  fields?: string[]
  expectedVersion?: number | null
}

/** Replaces the fields of a provider that `fields` names; the others stay. */
export interface UpdateProvider {
  /** Carries the id and the new values. */
  provider: ProviderDefinition
  /** Names of the fields to take over from it, at least one. */
  fields: string[]
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link UpdateProvider} as one writes it: fields with a default may be left out. */
export interface UpdateProviderDraft {
  provider: ProviderDefinitionDraft
  fields?: string[]
  expectedVersion?: number | null
}

/** Replaces the fields of a route that `fields` names; the others stay. */
export interface UpdateRoute {
  /** Carries the id and the new values. */
  route: RouteDefinition
  /** Names of the fields to take over from it, at least one. */
  fields: string[]
  /** Refused when the entity's last change is another version. */
  expectedVersion: number | null
}
/** {@link UpdateRoute} as one writes it: fields with a default may be left out. */
export interface UpdateRouteDraft {
  route: RouteDefinitionDraft
  fields?: string[]
  expectedVersion?: number | null
}

/** What a call consumed, in disjoint classes: their sum is everything, nothing is counted twice. */
export interface Usage {
  /** Input text tokens that no prompt cache served. */
  inputUncachedTokens: number
  /** Input tokens read from the provider's prompt cache. */
  inputCacheReadTokens: number
  /** Input tokens written to the provider's prompt cache. */
  inputCacheWriteTokens: number
  /** Input audio tokens. */
  inputAudioTokens: number
  /** Input image tokens, where the provider tells them apart. */
  inputImageTokens: number
  /** Output text tokens without reasoning. */
  outputTokens: number
  /** Output tokens spent on reasoning. */
  outputReasoningTokens: number
  /** Output audio tokens. */
  outputAudioTokens: number
  /** Output image tokens. */
  outputImageTokens: number
  /** Length of the audio that was processed, for providers that charge by time. */
  audioSeconds: number | null
  /** Images that were generated. */
  imageCount: number
  /** True when the provider did not report usage and we counted it ourselves. */
  estimated: boolean
  /** Input tokens written to the provider's prompt cache for an hour, where that has a price of its own; not among `inputCacheWriteTokens`. */
  inputCacheWriteLongTokens: number
  /** Web searches that the provider made for the call and charges one by one. */
  webSearchCount: number
}
/** {@link Usage} as one writes it: fields with a default may be left out. */
export interface UsageDraft {
  inputUncachedTokens?: number
  inputCacheReadTokens?: number
  inputCacheWriteTokens?: number
  inputAudioTokens?: number
  inputImageTokens?: number
  outputTokens?: number
  outputReasoningTokens?: number
  outputAudioTokens?: number
  outputImageTokens?: number
  audioSeconds?: number | null
  imageCount?: number
  estimated?: boolean
  inputCacheWriteLongTokens?: number
  webSearchCount?: number
}

/** Something the reader should know about a request that was served all the same. */
export interface Warning {
  /** Stable code, for example MODEL_DEPRECATED. */
  code: string
  /** What it means and what to do. */
  message: string
}
/** {@link Warning} as one writes it: fields with a default may be left out. */
export interface WarningDraft {
  code?: string
  message?: string
}
