/**
 * The second step of a request: the calls. Targets are tried in order, each as often as its failures allow, until one answers
 * or a failure ends the request:
 *
 *   target ──► passed over: its breaker is open, its key is refused, its rate limit is reached ──► next target
 *      │
 *      ▼
 *   attempt ──► answered ──► does not fit the schema that was asked for: sent back once to be mended, then the end
 *      │  └─ failed ──► same target after a wait, same target with another key, next target, or the end: see after-failure.ts
 *      └─ the run was ended meanwhile: deadline, cancellation, loss of the claim
 *
 * When all were passed over and none was called, the one that may be called soonest is waited for, unless its breaker is open: a
 * breaker that gave way where nothing else is left would not bound the calls to a provider that is down.
 */
import { maxAttemptsPerClaim } from '../contract/limits.ts'
import type { Attempt, ModelChunk, ModelRequest, Warning } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { tokenTotals } from '../pricing/token-totals.ts'
import type { ProviderError } from '../providers/provider.ts'
import { attemptLimits } from '../reliability/attempt-limits.ts'
import { type FailureClass, failureClassOf } from '../reliability/failure-class.ts'
import type { ReliabilitySettings } from '../reliability/reliability-settings.ts'
import { type AfterFailure, afterFailure } from '../routing/after-failure.ts'
import type { TokenCounter } from '../tokens/token-counter.ts'
import type { TypedAnswer } from './call-provider.ts'
import { defectFields } from './defect-fields.ts'
import { type AttemptResult, makeAttempt } from './make-attempt.ts'
import type { PlannedTarget, WayPlanner } from './plan-request.ts'
import type {
  CallLimits,
  CallPermit,
  CallTarget,
  CallVerdict,
  Claim,
  Clock,
  KeyedAdapter,
  Log,
  TargetHealth,
  TargetLatency,
  TargetStanding,
  Timers,
} from './ports.ts'
import { type RunEnding, runEnding } from './run-ending.ts'
import { judgeAnswer, outputInvalid, type UnfitAnswer } from './structured-output/judge-answer.ts'
import { repairInput } from './structured-output/repair-input.ts'
import { waitFor } from './system-timers.ts'
import { limitedCallOf, type Turn } from './take-turn.ts'

/** What the calls need. */
export interface CallRun {
  request: ModelRequest
  targets: readonly PlannedTarget[]
  /** Gives targets for what is too long for these; null when there are none. */
  larger: WayPlanner | null
  /** Gives targets for what one refused for its content; null when the refusal stands. */
  afterRefusal: WayPlanner | null
  claim: Claim
  registryVersion: number
  attemptTimeoutMs: number
  reliability: Readonly<ReliabilitySettings>
  /** Whether an answer that does not fit the schema that was asked for is sent back once. */
  isOutputRepaired: boolean
  signal: AbortSignal
  clock: Clock
  timers: Timers
  health: TargetHealth
  latency: TargetLatency
  limits: CallLimits
  /** The permission that was waited for; null when nothing was to be waited for. */
  turn: Turn | null
  random: () => number
  tokenCounter: TokenCounter
  log: Log
  onChunk?: (chunk: ModelChunk) => void
  assertMayCall?: () => void
}

/** An attempt and the target that it was made to. */
export interface MadeAttempt {
  record: Attempt
  target: PlannedTarget
}

/** What came of the calls: an answer, or how it ended without one. */
export interface CallResult {
  made: MadeAttempt[]
  /** Set beside an ending when the answer does not fit the schema that was asked for: it is kept, but not relied on. */
  answered: { target: PlannedTarget; typed: TypedAnswer } | null
  ending: RunEnding | null
  /** What the reader should know of the way, for example targets that were passed over. */
  warnings: Warning[]
}

/** What has come about so far. */
interface Journey {
  run: CallRun
  made: MadeAttempt[]
  /** Failures and reasons for passing over, in order. */
  failures: ModelServiceError[]
  warnings: Warning[]
  /** Whether the route's rule for refused content was followed. */
  isAfterRefusal: boolean
}

interface Answered {
  kind: 'answered'
  target: PlannedTarget
  keyed: KeyedAdapter
  typed: TypedAnswer
}

/** How the visit of a target ended. */
type Visit =
  | Answered
  | { kind: 'ended'; ending: RunEnding }
  | { kind: 'next' }
  | { kind: 'larger' }
  | { kind: 'refused'; error: ModelServiceError }

/** Tries the targets. Never throws but for an aborted run that is somebody else's. @throws ClaimRefused */
export async function callTargets(run: CallRun): Promise<CallResult> {
  const journey: Journey = { run, made: [], failures: [], warnings: [], isAfterRefusal: false }
  const visit = await visitAll(journey)
  const { made, warnings } = journey
  if (visit.kind === 'answered') return { made, warnings, ...(await heldToSchema(journey, visit)) }
  const ending = visit.kind === 'ended' ? visit.ending : { status: 'FAILED' as const, error: tellingFailure(journey) }
  return { made, warnings, answered: null, ending }
}

/**
 * Holds an answer to the schema that was asked for. One that does not fit goes back once, to the same target under the same key, as an
 * attempt like any other; should that fail, the first answer is kept. It is not taken to other targets: it was paid for twice already.
 */
async function heldToSchema(journey: Journey, answered: Answered): Promise<Pick<CallResult, 'answered' | 'ending'>> {
  const { run } = journey
  const { target, keyed } = answered
  const unfit = noteUnfit(journey, answered)
  if (unfit === null) return { answered, ending: null }
  const error = outputInvalid(unfit, target.provider.id)
  if (unfit.isTruncated || !run.isOutputRepaired) return { answered, ending: { status: 'FAILED', error } }
  const again = await visitTarget(journey, { ...target, input: repairInput(unfit) }, [], keyed)
  if (again.kind === 'answered') {
    const stillUnfit = noteUnfit(journey, again)
    if (stillUnfit === null) return { answered: again, ending: null }
    const lasting = outputInvalid(stillUnfit, target.provider.id, 'failed')
    return { answered: again, ending: { status: 'FAILED', error: lasting } }
  }
  // What ended the run itself, and a call of unknown fate that must not be followed by another, say more than the schema.
  const isOwnEnding =
    again.kind === 'ended' && (again.ending.status !== 'FAILED' || again.ending.error.code === 'OUTCOME_UNKNOWN')
  if (isOwnEnding) return { answered: null, ending: again.ending }
  return { answered, ending: { status: 'FAILED', error: outputInvalid(unfit, target.provider.id, 'failed') } }
}

/** Judges the answer of the last attempt, and marks that as failed when it does not fit. */
function noteUnfit({ made }: Journey, { target, typed }: Answered): UnfitAnswer | null {
  const last = made.at(-1)
  const unfit = judgeAnswer(target.input, typed)
  if (unfit === null || last === undefined) return null
  last.record = { ...last.record, outcome: 'FAILED', error: outputInvalid(unfit, target.provider.id).toDetail() }
  return unfit
}

async function visitAll(journey: Journey): Promise<Visit> {
  let left = [...journey.run.targets]
  for (let target = left.shift(); target !== undefined; target = left.shift()) {
    const visit = await visitTarget(journey, target, left, turnOf(journey.run, target))
    if (visit.kind === 'answered' || visit.kind === 'ended') return visit
    if (visit.kind === 'larger') left = await largerTargets(journey, target, left)
    if (visit.kind === 'refused') {
      left = await targetsAfterRefusal(journey)
      if (left.length === 0) return { kind: 'ended', ending: { status: 'FAILED', error: visit.error } }
    }
  }
  return journey.made.length === 0 ? visitSoonest(journey) : { kind: 'next' }
}

/** Those of the targets left that have a larger window, else where the route sends what is too long: never the same again. */
async function largerTargets(
  journey: Journey,
  refused: PlannedTarget,
  left: readonly PlannedTarget[],
): Promise<PlannedTarget[]> {
  const own = left.filter((other) => isLarger(other, refused))
  return own.length > 0 ? own : targetsOfWay(journey, journey.run.larger, 'onContextLength')
}

/** Where the route sends what was refused for its content: once, or refusals would go round. */
function targetsAfterRefusal(journey: Journey): Promise<PlannedTarget[]> {
  journey.isAfterRefusal = true
  return targetsOfWay(journey, journey.run.afterRefusal, 'onContentFilter')
}

async function targetsOfWay(
  { run, made }: Journey,
  plan: WayPlanner | null,
  name: 'onContextLength' | 'onContentFilter',
): Promise<PlannedTarget[]> {
  if (plan === null) return []
  try {
    const wasCalled = ({ provider, providerModel }: PlannedTarget) =>
      made.some(({ target }) => target.provider.id === provider.id && target.providerModel === providerModel)
    return (await plan()).filter((other) => !wasCalled(other))
  } catch (error) {
    run.log.warn({ requestId: run.request.requestId, ...defectFields(error) }, `${name} leads nowhere`)
    return []
  }
}

/** Nothing was called because everything is set aside: takes what may be called soonest, if that is worth it. */
async function visitSoonest(journey: Journey): Promise<Visit> {
  const { run } = journey
  const ways = run.targets.flatMap((target) =>
    target.keyed.map((keyed) => ({ target, keyed, ...standingOf(run, target, keyed) })),
  )
  // A refused key is tried again rather than nothing: it may have been repaired, and a refusal costs nothing.
  const waitOf = ({ kind, waitMs }: TargetStanding) => (kind === 'limited' ? waitMs : 0)
  const [soonest] = ways.filter(({ kind }) => kind !== 'open').sort((a, b) => waitOf(a) - waitOf(b))
  if (soonest === undefined || waitOf(soonest) > run.reliability.retryMaxWaitMs) return { kind: 'next' }
  await waitFor(Math.ceil(waitOf(soonest) * (1 + run.random() / 4)), run)
  if (isOverLimit(run, soonest.target, soonest.keyed)) return { kind: 'next' }
  return visitTarget(journey, soonest.target, [], soonest.keyed)
}

/** The key that the turn of this run is for; undefined where another target has it, or this one fails meanwhile. */
function turnOf({ turn, health }: CallRun, target: PlannedTarget): KeyedAdapter | undefined {
  if (turn?.target !== target) return undefined
  return health.standing(callTargetOf(target, turn.keyed)).kind === 'ready' ? turn.keyed : undefined
}

/** Calls one target until it answers or is given up. `given` is the way to call it first, whatever it stands like. */
async function visitTarget(
  journey: Journey,
  target: PlannedTarget,
  left: readonly PlannedTarget[],
  given?: KeyedAdapter,
): Promise<Visit> {
  const { run, made } = journey
  const isFallback = target !== run.targets[0] && journey.failures.length > 0
  const failedKeys = new Set<string | null>()
  let retriesMade = 0
  let keyed = given ?? chooseWay(run, target, failedKeys)
  if (keyed === undefined) passOver(journey, target)
  while (keyed !== undefined && made.length < maxAttemptsPerClaim) {
    const before = endingOf(run)
    if (before !== null) return { kind: 'ended', ending: before }
    const hasNextTarget = left.some((other) => readyWays(run, other).length > 0)
    const result = await callOnce(journey, { target, keyed, hasNextTarget })
    if (result.typed !== null) return { kind: 'answered', target, keyed, typed: result.typed }
    const { error } = result
    journey.failures.push(error)
    const after = endingOf(run)
    if (after !== null) return { kind: 'ended', ending: after }
    failedKeys.add(keyed.key)
    const hasOtherKey = readyWays(run, target, failedKeys).length > 0
    const hasContentRule = run.afterRefusal !== null && !journey.isAfterRefusal
    const next = decide(result, {
      run,
      target,
      keyed,
      retriesMade,
      isFallback,
      hasNextTarget,
      hasOtherKey,
      hasContentRule,
    })
    switch (next.kind) {
      case 'retry':
        retriesMade += 1
        await waitFor(next.afterMs, run)
        // Others may have found out meanwhile that the target is down.
        if (standingOf(run, target, keyed).kind === 'open' || isOverLimit(run, target, keyed)) return { kind: 'next' }
        break
      case 'next-key':
        keyed = chooseWay(run, target, failedKeys)
        break
      case 'next-target':
        return { kind: 'next' }
      case 'larger-target':
        return { kind: 'larger' }
      case 'content-targets':
        return { kind: 'refused', error }
      case 'fail':
        return { kind: 'ended', ending: { status: 'FAILED', error } }
      case 'fail-unknown':
        return { kind: 'ended', ending: { status: 'FAILED', error: outcomeUnknown(error) } }
      default:
        next satisfies never
    }
  }
  return { kind: 'next' }
}

interface OneCall {
  target: PlannedTarget
  keyed: KeyedAdapter
  hasNextTarget: boolean
}

async function callOnce(journey: Journey, { target, keyed, hasNextTarget }: OneCall): Promise<AttemptResult> {
  const { run, made } = journey
  const { request, health, reliability: settings } = run
  // Whether the provider speaks is seen only in a stream; without another target nothing would follow from it.
  const isStreamed =
    target.input.type === 'ChatInput' && (request.stream ? run.onChunk !== undefined || hasNextTarget : hasNextTarget)
  const limits = attemptLimits({
    settings,
    totalMs: target.timeoutMs ?? run.attemptTimeoutMs,
    isStreamed,
    isSlowToBegin: isSlowToBegin(target.input, isStreamed),
    hasNextTarget,
    remainingMs: remainingMsOf(run),
  })
  run.assertMayCall?.()
  const end = health.begin(callTargetOf(target, keyed))
  const endTiming = run.latency.begin({ provider: target.provider.id, model: target.providerModel })
  const permit = permitFor(run, target, keyed)
  let usedTokens: number | null = null
  let verdict: CallVerdict = { kind: 'unknown' }
  let timed: Parameters<typeof endTiming>[0] = null
  try {
    const number = run.claim.attemptBase + made.length + 1
    const result = await makeAttempt({
      ...{ run, target, adapter: keyed.adapter, number, limits, isStreamed },
      onRateLimits: (state) => permit.learn(state),
    })
    usedTokens = usedTokensOf(result)
    made.push({ record: result.record, target })
    verdict = result.error === null ? { kind: 'answered' } : verdictOf(result.error, classOf(result))
    timed = measuredOf(result, verdict, { isChat: target.input.type === 'ChatInput', isStreamed })
    return result
  } finally {
    end(verdict)
    endTiming(timed)
    permit.end(usedTokens)
  }
}

/** The turn of this run is for its first call alone. */
function permitFor(run: CallRun, target: PlannedTarget, keyed: KeyedAdapter): CallPermit {
  const { turn } = run
  if (!isTurn(run, target, keyed) || turn === null) return run.limits.begin(limitedCallOf(target, keyed))
  run.turn = null
  return turn.permit
}

function isTurn({ turn }: CallRun, target: PlannedTarget, keyed: KeyedAdapter): boolean {
  return turn !== null && turn.target === target && turn.keyed === keyed
}

function isOverLimit(run: CallRun, target: PlannedTarget, keyed: KeyedAdapter): boolean {
  return !isTurn(run, target, keyed) && run.limits.waitMs(limitedCallOf(target, keyed)) > 0
}

/** A call that was refused took none; of one whose end nobody saw, the estimate stands. */
function usedTokensOf({ record: { usage, outcome } }: AttemptResult): number | null {
  if (usage === null) return outcome === 'FAILED' ? 0 : null
  const { input, output } = tokenTotals(usage)
  return input + output
}

/**
 * What a call says of the target's speed: failures, the time to the first content of a streamed chat, the whole time of what is
 * no chat. The whole time of a chat says more of the length of its answer.
 */
function measuredOf(
  { record, tookMs }: AttemptResult,
  verdict: CallVerdict,
  { isChat, isStreamed }: { isChat: boolean; isStreamed: boolean },
): { kind: 'answered' | 'failed'; tookMs: number } | null {
  if (verdict.kind === 'failed') return { kind: 'failed', tookMs }
  if (verdict.kind !== 'answered' || record.outcome !== 'SUCCEEDED') return null
  if (!isChat) return { kind: 'answered', tookMs }
  const { startedAt, firstChunkAt } = record
  return isStreamed && startedAt !== null && firstChunkAt !== null
    ? { kind: 'answered', tookMs: firstChunkAt - startedAt }
    : null
}

/** Reasoning may take minutes before the first word; an answer in one piece comes when all work is done. */
function isSlowToBegin(input: ModelRequest['input'], isStreamed: boolean): boolean {
  if (input.type === 'EmbeddingInput') return false
  if (!isStreamed) return true
  const effort = input.type === 'ChatInput' ? input.reasoning?.effort : undefined
  return effort !== undefined && effort !== 'NONE' && effort !== 'MINIMAL'
}

function classOf({ error, record }: AttemptResult & { error: ProviderError }): FailureClass {
  const { code, retryable, outcome, httpStatus } = error
  return failureClassOf({ code, retryable, outcome, httpStatus, hadContent: record.firstChunkAt !== null })
}

/** What a failure says of the target; what ended the run itself says nothing. */
function verdictOf({ retryAfterMs, outcome }: ProviderError, failure: FailureClass): CallVerdict {
  if (outcome === 'CANCELLED') return { kind: 'unknown' }
  switch (failure) {
    case 'transient':
    case 'timeout':
    case 'broken-answer':
      return { kind: 'failed' }
    case 'rate-limit':
      return retryAfterMs === null ? { kind: 'answered' } : { kind: 'limited', waitMs: retryAfterMs }
    case 'key':
      return { kind: 'key-refused' }
    case 'target':
    case 'context-length':
    case 'content':
    case 'request':
      return { kind: 'answered' }
    case 'other':
      return { kind: 'unknown' }
    default:
      return failure satisfies never
  }
}

interface DecisionParts {
  run: CallRun
  target: PlannedTarget
  keyed: KeyedAdapter
  retriesMade: number
  isFallback: boolean
  hasNextTarget: boolean
  hasOtherKey: boolean
  hasContentRule: boolean
}

function decide(result: AttemptResult & { error: ProviderError }, parts: DecisionParts): AfterFailure {
  const { run, target, keyed, retriesMade, isFallback, hasNextTarget, hasOtherKey, hasContentRule } = parts
  const { error, tookMs } = result
  const isDown = standingOf(run, target, keyed).kind === 'open'
  return afterFailure({
    failure: classOf(result),
    outcome: error.outcome,
    onUncertain: run.request.onUncertain,
    retryAfterMs: error.retryAfterMs,
    tookMs,
    retriesMade,
    maxRetries: isDown ? 0 : (target.maxRetries ?? run.reliability.targetRetriesCount),
    hasOtherKey,
    hasNextTarget,
    isFallback,
    hasContentRule,
    remainingMs: remainingMsOf(run),
    maxWaitMs: run.reliability.retryMaxWaitMs,
    draw: run.random(),
  })
}

/** The ways to call a target that are not set aside. */
function readyWays(run: CallRun, target: PlannedTarget, without?: ReadonlySet<string | null>): KeyedAdapter[] {
  return target.keyed.filter(
    (keyed) => without?.has(keyed.key) !== true && standingOf(run, target, keyed).kind === 'ready',
  )
}

/** One of these ways, keys taking turns; undefined when there is none. */
function chooseWay(run: CallRun, target: PlannedTarget, without: ReadonlySet<string | null>): KeyedAdapter | undefined {
  const ways = readyWays(run, target, without)
  return ways.length < 2 ? ways[0] : ways[run.health.turn(target.provider.id) % ways.length]
}

function standingOf(run: CallRun, target: PlannedTarget, keyed: KeyedAdapter): TargetStanding {
  const standing = run.health.standing(callTargetOf(target, keyed))
  if (standing.kind !== 'ready') return standing
  const waitMs = run.limits.waitMs(limitedCallOf(target, keyed))
  return waitMs === 0 ? standing : { kind: 'limited', waitMs }
}

function callTargetOf({ provider, providerModel }: PlannedTarget, { key }: KeyedAdapter): CallTarget {
  return { provider: provider.id, key, model: providerModel }
}

/** Notes why a target is not called. */
function passOver({ run, failures, warnings }: Journey, target: PlannedTarget): void {
  const standings = target.keyed.map((keyed) => standingOf(run, target, keyed))
  const [soonest] = standings.sort((a, b) => a.waitMs - b.waitMs)
  const error = passedOverError(target, soonest ?? { kind: 'open', waitMs: 0 })
  failures.push(error)
  warnings.push({
    code: 'TARGET_SKIPPED',
    message: `Target "${target.model}" was passed over: ${error.code}. ${error.message}`,
  })
}

function passedOverError({ provider: { id }, providerModel }: PlannedTarget, { kind, waitMs }: TargetStanding) {
  const options = { provider: id }
  const when = Number.isFinite(waitMs) ? `for another ${Math.ceil(waitMs)} ms` : 'until a call of it ends'
  switch (kind) {
    case 'limited':
      return new ModelServiceError(
        'RATE_LIMITED',
        `A limit of provider ${id} is reached; it is not called ${when}. Lower the rate, or give it another key.`,
        options,
      )
    case 'key-refused':
      return new ModelServiceError(
        'PROVIDER_AUTHENTICATION',
        `Provider ${id} refused its keys a moment ago; they are set aside ${when}. Check what the key references point to.`,
        options,
      )
    case 'open':
    case 'ready':
      return new ModelServiceError(
        'PROVIDER_UNAVAILABLE',
        `Model ${providerModel} of provider ${id} failed again and again; it is not called ${when}. Add a fallback target, or send the request again later.`,
        options,
      )
    default:
      return kind satisfies never
  }
}

/** The larger window is known to be larger; a model of unknown window may be as small. */
function isLarger(target: PlannedTarget, than: PlannedTarget): boolean {
  const window = target.definition?.contextWindow ?? null
  const refused = than.definition?.contextWindow ?? null
  return window !== null && refused !== null && window > refused
}

/** The last failure that may pass, for a later try may meet it healed; else the last one. */
function tellingFailure({ failures }: Journey): ModelServiceError {
  return (
    failures.findLast(({ retryable }) => retryable) ??
    failures.at(-1) ??
    new ModelServiceError('MODEL_NOT_FOUND', 'No target could be called.')
  )
}

function remainingMsOf({ request: { deadline }, clock }: CallRun): number | null {
  return deadline === null ? null : deadline - clock.now()
}

function endingOf({ signal, request, clock }: CallRun): RunEnding | null {
  return runEnding({ signal, deadline: request.deadline, now: clock.now() })
}

/** The error of a request that asked not to call again after a call of unknown fate. */
export function outcomeUnknown(cause?: ModelServiceError): ModelServiceError {
  return new ModelServiceError(
    'OUTCOME_UNKNOWN',
    `A provider may have served the request, but its answer was lost${cause === undefined ? '' : ` (${cause.code})`}, and onUncertain is FAIL. Look at the provider account before sending it under a new id.`,
    { cause, ...(cause?.provider == null ? {} : { provider: cause.provider }) },
  )
}
