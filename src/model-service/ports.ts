/**
 * What ModelService needs from the world, as ports. It owns them; adapters in registry/, delivery/, providers/ implement
 * them. No Prisma, Kafka or HTTP type shows here, so the service works as a plain library.
 */
import type {
  Attempt,
  CommandResult,
  EntityKind,
  Lane,
  Limits,
  ModelChunk,
  ModelCommand,
  ModelCommandDraft,
  ModelCompletion,
  ModelDefinition,
  ModelRequest,
  ModelStatus,
  PerformanceEvent,
  ProviderDefinition,
  RegistryAction,
  RequestType,
  RouteDefinition,
  SourceCoordinates,
} from '../contract/types.ts'
import type { ModelServiceError } from '../errors/model-service-error.ts'
import type { RateLimitState } from '../limits/read-rate-limits.ts'
import type { PerformanceSums } from '../performance/performance-sums.ts'
import type { ModelProvider } from '../providers/provider.ts'
import type { ReliabilitySettings } from '../reliability/reliability-settings.ts'
import type { LatencySample } from '../routing/latency-order.ts'
import type { QualitySample } from '../routing/quality-order.ts'
import type { TokenCounter } from '../tokens/token-counter.ts'

/** Everything that ModelService is given. */
export interface ModelServiceDeps {
  db: ModelServiceDb
  eventBus: EventBus
  commandBus: CommandBus
  settings: ModelServiceSettings
  providerFactory: ProviderFactory
  /** Keeps running statistics of models; none by default. */
  performanceTracker?: PerformanceTracker
  /** Tells the time; the system's clock by default. */
  clock?: Clock
  /** Waits and measures time; the runtime's own by default. */
  timers?: Timers
  /** Remembers which targets fail; kept in the memory of this service by default. */
  targetHealth?: TargetHealth
  /** Remembers how fast models answer; kept in the memory of this service by default. */
  targetLatency?: TargetLatency
  /** Knows what answers of models are worth, for routes of BEST_QUALITY; nothing is known by default. */
  modelQuality?: ModelQuality
  /** Keeps calls within the limits of provider keys; counted in the memory of this service by default. */
  callLimits?: CallLimits
  /** Hears what is worth a log line; silent by default. */
  log?: Log
  /** Draws from 0 (included) to 1 (excluded) for weighted routes and for waits; Math.random by default. */
  random?: () => number
  /** Counts tokens by a vocabulary; by default one thread for the process, started at the first use. */
  tokenCounter?: TokenCounter
}

/** Repositories. */
export interface ModelServiceDb {
  registry: Registry
  specializations: SpecializationSource
  /** Without it, CancelRequest is answered COMMAND_NOT_SUPPORTED. */
  cancellations?: Cancellations
  /** Without it, RecordFeedback is answered COMMAND_NOT_SUPPORTED, and nothing is known of how well models do. */
  performance?: PerformanceStore
}

/** Tells the time. */
export interface Clock {
  /** Unix time in ms. */
  now(): number
}

/** Waits, and measures time. */
export interface Timers {
  /** Monotonic time in ms, from an arbitrary start. */
  now(): number
  /** Runs once after so many ms, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void
}

/** A logger with pino's calling convention. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}

// ---------------------------------------------------------------- registry

/** The definition that belongs to each kind of registry entity. */
export interface RegistryEntities {
  MODEL: ModelDefinition
  PROVIDER: ProviderDefinition
  ROUTE: RouteDefinition
}
/** A kind of registry entity. */
export type RegistryKind = Exclude<EntityKind, 'UNSPECIFIED'> & keyof RegistryEntities

/** A registry entity with its history. */
export interface Stored<TDefinition> {
  definition: TDefinition
  /** Registry-wide version of its last change. */
  version: number
  /** Unix time in ms. */
  createdAt: number
  /** Unix time in ms. */
  updatedAt: number
}

/** A consistent view of the registry as of one version; look-ups are synchronous and cheap. */
export interface RegistrySnapshot {
  version: number
  model(id: string): ModelDefinition | undefined
  provider(id: string): ProviderDefinition | undefined
  route(id: string): RouteDefinition | undefined
  /**
   * Whether a model or route of this id was registered once and is deleted now: then its name is not taken for a
   * provider's own model. A registry that does not remember may leave this out.
   */
  isDeleted?(id: string): boolean
}

/** A past state of the registry: as a change left it, or as it was at a Unix time in ms. */
export type RegistryMoment = { version: number } | { time: number }

/** How something is read. */
export interface ReadOptions {
  /** As it was then; by default as it is now. */
  asOf?: RegistryMoment
}

/** The whole registry as of one version; each list ordered by id. */
export interface RegistryState {
  /** Registry-wide version of the last change in it; 0 before the first. */
  version: number
  models: Stored<ModelDefinition>[]
  providers: Stored<ProviderDefinition>[]
  routes: Stored<RouteDefinition>[]
}

/** One change of an entity, as the registry remembers it for good. */
export interface RegistryRevision<TKind extends RegistryKind = RegistryKind> {
  /** Registry-wide version of the change. */
  version: number
  action: Exclude<RegistryAction, 'UNSPECIFIED'>
  /** Full state after it; null when deleted. */
  definition: RegistryEntities[TKind] | null
  /** The command that caused it. */
  commandId: string | null
  /** Who gave the command. */
  actor: string | null
  /** Unix time in ms. */
  changedAt: number
}

/** Which models to list, and which page of them. */
export interface ModelQuery extends ReadOptions {
  /** Counts from 1; default 1. */
  page?: number
  /** 1 to 200; default 50. */
  pageSize?: number
  provider?: string
  capability?: RequestType
  /** Only those that are meant for this kind of task. */
  taskType?: string
  status?: ModelStatus
  /** Part of id, display name or description, in any case. */
  search?: string
}

/** One page, ordered by id. */
export interface ModelPage {
  models: Stored<ModelDefinition>[]
  page: number
  pageSize: number
  /** Models that fit the query, over all pages. */
  totalCount: number
}

/** One change of one entity, with the command that caused it. */
export interface RegistryChange<TKind extends RegistryKind = RegistryKind> {
  kind: TKind
  action: Exclude<RegistryAction, 'UNSPECIFIED'>
  id: string
  /** Full state after the change; null when deleted. */
  definition: RegistryEntities[TKind] | null
  /** The entity's version that the change builds on; null when it does not matter. */
  expectedVersion: number | null
  command: CommandEnvelope & { name: string }
}

/**
 * The registry's store. What reads a past moment throws INVALID_REQUEST when the registry did not exist then, or when it lies
 * in the future.
 */
export interface Registry {
  /**
   * The newest view known to this process; at most about a second old, or not at all with `fresh`.
   * @throws DATABASE_UNAVAILABLE
   */
  snapshot(options?: { fresh?: boolean }): Promise<RegistrySnapshot>
  /** Reads one entity from the store itself. */
  find<TKind extends RegistryKind>(
    kind: TKind,
    id: string,
    options?: ReadOptions,
  ): Promise<Stored<RegistryEntities[TKind]> | null>
  listModels(query: ModelQuery): Promise<ModelPage>
  listProviders(options?: ReadOptions): Promise<Stored<ProviderDefinition>[]>
  listRoutes(options?: ReadOptions): Promise<Stored<RouteDefinition>[]>
  /** Everything at once, consistent. */
  state(options?: ReadOptions): Promise<RegistryState>
  /** The changes of one entity, the newest first, at most `limit` of them; empty when there never was one. */
  history<TKind extends RegistryKind>(kind: TKind, id: string, limit: number): Promise<RegistryRevision<TKind>[]>
  /**
   * Carries out a change in one transaction: entity, revision, RegistryEvent, CommandResult. A command id that was
   * carried out before changes nothing; the result of then is announced again and given back.
   * @throws MODEL_ALREADY_EXISTS, PROVIDER_ALREADY_EXISTS, ROUTE_ALREADY_EXISTS when REGISTERED meets an existing id
   * @throws MODEL_NOT_FOUND, PROVIDER_UNKNOWN, ROUTE_NOT_FOUND when UPDATED or DELETED meets none
   * @throws VERSION_CONFLICT, COMMAND_ID_REUSED, PROVIDER_IN_USE, DATABASE_UNAVAILABLE
   */
  commit(change: RegistryChange): Promise<CommandResult>
  /**
   * Remembers and announces the result of a command that changed nothing. A command id that was used before keeps its
   * earlier result, which is announced again and given back; the refusal COMMAND_ID_REUSED is announced and not remembered.
   * `headers` are those of the command's record, for the answer.
   */
  recordResult(result: CommandResult, digest: string, headers?: CommandEnvelope['headers']): Promise<CommandResult>
}

/** Where the prompts of specializations come from. */
export interface SpecializationSource {
  /** The prompt, or null when there is no such specialization. Failing is the caller's warning, never an error. */
  prompt(specializationId: string, signal: AbortSignal): Promise<string | null>
}

/** Which request is to end CANCELLED, and the command that says so. */
export interface CancellationRequest {
  tenant: string
  requestId: string
  /** Why, as far as the command says it. */
  reason: string | null
  commandId: string
  /** Hash of the command's content. */
  digest: string
}

/** Remembers which requests are to end CANCELLED; those who run them learn it from there. */
export interface Cancellations {
  /**
   * Remembers it, also for a request that nobody knows yet. Repeating it changes nothing.
   * @returns `already-ended` when the request has its outcome, whatever that is
   * @throws COMMAND_ID_REUSED when the command's id was used before for another command: nothing is remembered then
   * @throws DATABASE_UNAVAILABLE
   */
  request(cancellation: CancellationRequest): Promise<'recorded' | 'already-ended'>
}

// ---------------------------------------------------------------- how well models do

/** Which sums to read. */
export interface PerformanceQuery {
  /** Only of these models; of all by default. */
  models?: readonly string[]
  /** Only of this task type; empty is those without one. Over all by default. */
  taskType?: string
  /** First and last day (UTC), both included, as `2026-11-24`; no limit by default. */
  from?: string
  to?: string
  /** Whether days are kept apart. */
  byDay: boolean
  /** Whether task types are kept apart; false by default. */
  byTaskType?: boolean
  /** Least weight of the quality that a row must stand on; 0 by default. */
  minQualityWeight?: number
}

/** What somebody thinks of an answer, and the command that says so. */
export interface Feedback {
  tenant: string
  requestId: string
  commandId: string
  /** Hash of the command's content. */
  digest: string
  /** Null when the command names none. */
  actor: string | null
  /** 0 to 1; null leaves an earlier score of the actor as it is. */
  score: number | null
  correction: string | null
  comment: string | null
  /** Unix time in ms. */
  occurredAt: number
}

/** Remembers how well models do. */
export interface PerformanceStore {
  /** One row for each model and currency, and for each day and task type where these are kept apart. @throws DATABASE_UNAVAILABLE */
  sums(query: PerformanceQuery): Promise<PerformanceSums[]>
  /**
   * Keeps it, announces it, and counts its score in the place of an earlier one of the same actor for the same request. A command
   * that was carried out before changes nothing.
   * @throws REQUEST_NOT_FOUND when no finished request of that tenant and id is remembered
   * @throws INVALID_REQUEST when the request has no answer
   * @throws COMMAND_ID_REUSED when the command's id was used before for another command
   * @throws DATABASE_UNAVAILABLE
   */
  recordFeedback(feedback: Feedback): Promise<void>
}

// ---------------------------------------------------------------- commands

/** Name of a command's record, for example RegisterModel. */
export type CommandName = ModelCommand['command']['type']
/** The body of the command of that name. */
export type CommandBody<TName extends CommandName> = Extract<ModelCommand['command'], { type: TName }>
/** Who gave a command and under which id. */
export interface CommandEnvelope {
  commandId: string
  actor: string | null
  /** Hash of the command's content: the same id with another digest is refused. */
  digest: string
  /** Headers of the record that it came in, for its answer (`reply-topic`, `correlation-id`); none where it came in none. */
  headers?: Readonly<Record<string, string>>
}
/** Carries out one kind of command. Rejects only with retryable errors; refusals are results. */
export type CommandHandler<TName extends CommandName> = (
  body: CommandBody<TName>,
  envelope: CommandEnvelope,
) => Promise<CommandResult>

/** Brings commands to their handlers: in this process, or through Kafka. */
export interface CommandBus {
  handle<TName extends CommandName>(name: TName, handler: CommandHandler<TName>): void
  /** `headers` are those of the record that the command came in, if it came in one. */
  send(command: ModelCommandDraft, headers?: CommandEnvelope['headers']): Promise<CommandResult>
}

// ---------------------------------------------------------------- requests

/** The durable permission to call a provider for a request. */
export interface Claim {
  /** Fencing token, at least 1. */
  token: number
  /** Numbers of attempts up to this one may have been used before; the next attempt has one more. */
  attemptBase: number
  /** Calls that earlier owners may have made before they died: attempts of outcome UNKNOWN; default 0. */
  unknownCount?: number
  /** Attempts of earlier tries of this request: they come first in the completion, and count in its usage and cost. */
  priorAttempts?: readonly Attempt[]
  /** Unix time in ms of the claim. */
  claimedAt: number
  /** Set when an earlier owner may have called and the request asked not to call again: it ends with OUTCOME_UNKNOWN. */
  uncertain?: true
  /** Set when somebody asked to cancel the request before it was claimed: it ends CANCELLED without a call. */
  cancelled?: { reason: string | null }
}

/**
 * The request is not ours to call or to end: somebody else has or had it, or will. No outcome is made. Thrown by
 * {@link RequestContext.beforeFirstCall} and {@link RequestContext.assertMayCall}, and by an event bus that drops an outcome.
 */
export class ClaimRefused extends Error {
  override readonly name: string = 'ClaimRefused'
}

/** Whoever runs requests is about to stop once the signal is aborted, and cuts off what still runs then in so many ms. */
export interface Stopping {
  signal: AbortSignal
  leftMs(): number
}

/** What holds for one run of one request. All optional for library use. */
export interface RequestContext {
  /** Ends the run; its reason may be a ModelServiceError (CANCELLED, DEADLINE_EXCEEDED, …). */
  signal?: AbortSignal
  /** Awaited once after planning, before anything is paid; in the worker this is the claim. @throws ClaimRefused */
  beforeFirstCall?(): Promise<Claim>
  /**
   * Asked right before each call: whether the claim still holds by a margin (rule 7 of docs/delivery.md). Each time that it does not
   * throw, one call follows. @throws ClaimRefused
   */
  assertMayCall?(): void
  /**
   * The request waits for the limits of its provider, perhaps for long; nothing is claimed yet. It goes on with
   * {@link beforeFirstCall}, unless the signal ends it.
   */
  onWaiting?(): void
  /** Set where whoever runs this may be about to stop. */
  stopping?: Stopping
  /** Why the request must not be served, where the caller knows: it ends REJECTED with this. */
  rejection?: ModelServiceError
  /** Live deltas of a request with `stream`. Must not throw; is not awaited. */
  onChunk?(chunk: ModelChunk): void
  /** Where the request lay in Kafka. */
  source?: SourceCoordinates
  /** Unix time in ms at which its record was appended. */
  queuedAt?: number
  /** `v1:` and the hexadecimal SHA-256 of the canonical request. */
  payloadHash?: string
}

/** All that comes of a request: its only product. */
export interface Outcome {
  request: ModelRequest
  completion: ModelCompletion
  /** One per attempt, then one for the request. */
  performance: PerformanceEvent[]
  log: RequestLogRow
}

/** The row of the request log. */
export interface RequestLogRow {
  tenant: string
  requestId: string
  requestType: RequestType
  taskType: string | null
  /** Model that answered; of a failure the one tried last, or the name that was asked for. */
  model: string | null
  provider: string | null
  status: ModelCompletion['status']
  errorCode: string | null
  attemptCount: number
  /** In the answer, 0 to 1; null without an answer. */
  confidence: number | null
  usage: ModelCompletion['usage']
  cost: ModelCompletion['cost']
  /** Unix times in ms. */
  startedAt: number
  finishedAt: number
  durationMs: number
  registryVersion: number | null
  source: SourceCoordinates | null
}

/** Takes outcomes. In the worker it settles, publishes and marks; in a library it may do what it likes. */
export interface EventBus {
  /** Resolves when the outcome is published for good. */
  publish(outcome: Outcome): Promise<void>
}

/** Keeps running statistics, where they are not counted with the outcome itself; must not throw. */
export interface PerformanceTracker {
  record(outcome: Outcome): void | Promise<void>
}

// ---------------------------------------------------------------- providers

/** Gives providers by definition or by preset name. */
export interface ProviderFactory {
  /** The preset of that name, as if registered. */
  preset(name: string): ProviderDefinition | null
  /** Name of the provider to which a model name belongs by its prefix, for example `gpt-` to openai. */
  infer(model: string): string | null
  /** Names of all presets, sorted. */
  readonly presets: readonly string[]
  /** The adapter; built at the first use and kept until the definition changes. @throws PROVIDER_UNKNOWN, PROVIDER_AUTHENTICATION, INVALID_REQUEST */
  get(definition: ProviderDefinition): ModelProvider
  /**
   * An adapter for each key that the definition's references lead to, in their order; one without key where none is needed. A
   * factory that knows one key at most may leave this out. @throws as {@link get}
   */
  keyed?(definition: ProviderDefinition): readonly KeyedAdapter[]
}

/** An adapter that calls with one key. */
export interface KeyedAdapter {
  /** Name of the key (its reference, never the key itself); null where there is none, or the factory tells none. */
  key: string | null
  adapter: ModelProvider
}

/** What is called: a model at a provider under one key. Breakers are kept per target, never per host. */
export interface CallTarget {
  /** Id of the provider. */
  provider: string
  /** Name of the key (its reference, never the key itself); null where there is none, or the factory tells none. */
  key: string | null
  /** Model name at the provider. */
  model: string
}

/** A model at a provider, under whichever key. */
export type ServingModel = Pick<CallTarget, 'provider' | 'model'>

/** Remembers how fast models answer, for routes that prefer the fastest. Synchronous: it is asked while a request is planned. */
export interface TargetLatency {
  /** What is known now. */
  sample(target: ServingModel): LatencySample
  /**
   * A call begins. What it returns must be called once, with the time to the first content of a stream, or to the whole
   * answer; null when the call says nothing of the speed.
   */
  begin(target: ServingModel): (measured: { kind: 'answered' | 'failed'; tookMs: number } | null) => void
}

/** Knows what answers of models are worth, for routes that prefer the best. Synchronous: it is asked while a request is planned. */
export interface ModelQuality {
  /** What is known of a registered model at a task type; null is no task type. */
  sample(model: string, taskType: string | null): QualitySample
}

/** Whether a target may be called now; if not, why, and in how many ms it may. */
export interface TargetStanding {
  /** `open`: it fails. `key-refused`: its key was refused. */
  kind: 'ready' | 'open' | 'key-refused'
  waitMs: number
}

/** What a call says of its target. */
export type CallVerdict =
  /** It answered, be it with a refusal. */
  | { kind: 'answered' }
  /** It failed in a way that the next call may meet as well. */
  | { kind: 'failed' }
  /** It refused the key. */
  | { kind: 'key-refused' }
  /** The call was ended by us, or never made. */
  | { kind: 'unknown' }

/** Remembers which targets fail, and keeps calls away from them for a while. Synchronous: it is asked before each call. */
export interface TargetHealth {
  /** How a target stands now. */
  standing(target: CallTarget): TargetStanding
  /** A call begins; where the target is on probation it is the probe. What it returns must be called once, with what came of it. */
  begin(target: CallTarget): (verdict: CallVerdict) => void
  /** Counts up with each call per provider: its keys take turns by it. */
  turn(provider: string): number
}

/** A call as the limits of its key see it. */
export interface LimitedCall {
  /** Id of the provider. */
  provider: string
  /** Name of the key; null where there is none. */
  key: string | null
  /** Model name at the provider: it counts its own limits by the model. */
  model: string
  /** The provider's limits for one key, over all workers, as they are now; null is none. */
  limits: Limits | null
  /** Tokens that it will take, by estimate. */
  tokens: number
}

/** The permission to make one call. Exactly one of `end` and `giveBack` must be called; what follows is ignored. */
export interface CallPermit {
  /** The call has ended; the tokens that it really took, null when nobody knows. */
  end(usedTokens: number | null): void
  /** The call was never made. */
  giveBack(): void
  /** The provider said what is left of its limits. */
  learn(state: RateLimitState): void
  /** The provider refused the call for its rate; how long it asked to wait, in ms, null when it did not say. Comes before `end`. */
  refused(retryAfterMs: number | null): void
}

/** Who waits, and how long. */
export interface WaitingTurn {
  lane: Lane
  tenant: string
  signal: AbortSignal
}

/** Keeps calls within the limits of provider keys. */
export interface CallLimits {
  /**
   * In how many ms the call may be made; 0 is now, Infinity when nobody knows. At least 1 while others wait for the key, but for the
   * retry of a call that had its turn.
   */
  waitMs(call: LimitedCall, options?: { isRetry?: boolean }): number
  /** Counts a call, whatever the limits are. */
  begin(call: LimitedCall): CallPermit
  /** The first of these calls that may be made now, counted; null when none may. */
  tryTurn(calls: readonly LimitedCall[]): { index: number; permit: CallPermit } | null
  /** The same, as soon as one may be made, in fair turns; null when the signal came first. Never rejects. */
  waitForTurn(calls: readonly LimitedCall[], who: WaitingTurn): Promise<{ index: number; permit: CallPermit } | null>
  /** The provider has other limits now, which count for who waits already. */
  update(provider: string, limits: Limits | null): void
}

// ---------------------------------------------------------------- settings

/** The narrow slice of the settings that the service reads. */
export interface ModelServiceSettings {
  /** Model for requests that name neither model nor provider; null refuses them. */
  defaultModel: string | null
  /** Total time of one attempt, in ms. */
  attemptTimeoutMs: number
  /** Time for fetching a specialization, in ms. */
  specializationTimeoutMs: number
  /** Largest inline medium, in bytes. */
  maxMediaBytes: number
  /** Longest wait for the limits of providers, in ms; default one hour. */
  maxQueueWaitMs?: number
  /** Retries, clocks and breakers within one run; what is left out has its default. */
  reliability?: Partial<ReliabilitySettings>
  /** Who counts the tokens of a chat whose length is in doubt; `local` by default. */
  tokenCounting?: 'local' | 'provider'
  /** Whether an answer that does not fit the schema that was asked for is sent back once to be mended; true by default. */
  structuredOutputRepair?: boolean
}
