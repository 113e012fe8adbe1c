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
import type { Attempt, Warning } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { ProviderError } from '../providers/provider.ts'
import { type AfterFailure, afterFailure } from '../routing/after-failure.ts'
import type { AttemptAccount } from './attempt-account.ts'
import { callOnce, failureOf } from './call-once.ts'
import type { TypedAnswer } from './call-provider.ts'
import { type CallResult, type CallRun, endingOf, type MadeAttempt, remainingMsOf } from './call-run.ts'
import type { AttemptResult } from './make-attempt.ts'
import type { PlannedTarget } from './plan-request.ts'
import type { KeyedAdapter } from './ports/provider-factory.ts'
import {
  chooseWay,
  isTurn,
  passedOverError,
  readyWays,
  soonestWay,
  standingOf,
  turnOf,
  type Way,
} from './ready-ways.ts'
import { outcomeUnknown, type RunEnding } from './run-ending.ts'
import { judgeAnswer, outputInvalid, type UnfitAnswer } from './structured-output/judge-answer.ts'
import { repairInput } from './structured-output/repair-input.ts'
import { limitedCallOf } from './take-turn.ts'
import { waitToCall } from './wait-to-call.ts'
import { largerTargets, targetsAfterRefusal } from './ways-out.ts'

/** An attempt that was made; what it consumed and cost is still being counted. */
interface CountedAttempt {
  record: Attempt
  target: PlannedTarget
  account: Promise<AttemptAccount>
}

/** What has come about so far. */
interface Journey {
  run: CallRun
  made: CountedAttempt[]
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
  const { warnings } = journey
  if (visit.kind === 'answered') {
    const held = await heldToSchema(journey, visit)
    return { made: await accountedFor(journey), warnings, ...held }
  }
  return { made: await accountedFor(journey), warnings, answered: null, ending: endingWithout(journey, visit) }
}

/** How it ended without an answer. What ended the run while it waited says more than the failure that it waited after. */
function endingWithout(journey: Journey, visit: Exclude<Visit, Answered>): RunEnding {
  if (visit.kind === 'ended') return visit.ending
  return endingOf(journey.run) ?? { status: 'FAILED', error: tellingFailure(journey) }
}

/** The attempts with their accounts, which were counted beside the attempts that followed. */
function accountedFor({ made }: Journey): Promise<MadeAttempt[]> {
  return Promise.all(
    made.map(async ({ record, target, account }) => ({ record: { ...record, ...(await account) }, target })),
  )
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
      journey.isAfterRefusal = true
      left = await targetsAfterRefusal(journey)
      if (left.length === 0) return { kind: 'ended', ending: { status: 'FAILED', error: visit.error } }
    }
  }
  return journey.made.length === 0 ? visitSoonest(journey) : { kind: 'next' }
}

/** Nothing was called because everything is set aside: takes what may be called soonest, if that is worth it. */
async function visitSoonest(journey: Journey): Promise<Visit> {
  const { run } = journey
  const soonest = soonestWay(run)
  if (soonest === undefined || soonest.waitMs > run.reliability.retryMaxWaitMs) return { kind: 'next' }
  const { target, keyed, waitMs } = soonest
  if (!(await waitToCall(run, Math.ceil(waitMs * (1 + run.random() / 4))))) return { kind: 'next' }
  if (!isTurn(run, soonest) && run.limits.waitMs(limitedCallOf(target, keyed)) > 0) return { kind: 'next' }
  return visitTarget(journey, target, [], keyed)
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
    const number = run.claim.attemptBase + made.length + 1
    const result = await callOnce(run, { target, keyed, number, hasNextTarget })
    made.push({ record: result.record, target, account: result.account })
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
        if (!(await waitToRetry(run, { target, keyed }, next.afterMs))) return { kind: 'next' }
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

/** Waits for a further try on the same target; false when it is not to be made. */
async function waitToRetry(run: CallRun, way: Way, afterMs: number): Promise<boolean> {
  const limitsMs = () => run.limits.waitMs(limitedCallOf(way.target, way.keyed), { isRetry: true })
  // Its limits may ask for a longer wait than the failure does, for example after a refusal without a word on when.
  const byLimitsMs = limitsMs()
  if (byLimitsMs > run.reliability.retryMaxWaitMs || byLimitsMs >= (remainingMsOf(run) ?? Infinity)) return false
  if (!(await waitToCall(run, Math.max(afterMs, byLimitsMs)))) return false
  // Others may have found out meanwhile that the target is down, or have taken what the limits allow.
  return standingOf(run, way).kind !== 'open' && limitsMs() === 0
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
  const isDown = standingOf(run, { target, keyed }).kind === 'open'
  return afterFailure({
    failure: failureOf(result),
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

/** Notes why a target is not called. */
function passOver({ run, failures, warnings }: Journey, target: PlannedTarget): void {
  const error = passedOverError(run, target)
  failures.push(error)
  warnings.push({
    code: 'TARGET_SKIPPED',
    message: `Target "${target.model}" was passed over: ${error.code}. ${error.message}`,
  })
}

/** The last failure that may pass, for a later try may meet it healed; else the last one. */
function tellingFailure({ failures }: Journey): ModelServiceError {
  return (
    failures.findLast(({ retryable }) => retryable) ??
    failures.at(-1) ??
    new ModelServiceError('MODEL_NOT_FOUND', 'No target could be called.')
  )
}
