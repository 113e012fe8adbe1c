import type { Attempt, ModelChunk, ModelRequest, Warning } from '../contract/types.ts'
import type { ReliabilitySettings } from '../reliability/reliability-settings.ts'
import type { TokenCounter } from '../tokens/token-counter.ts'
import type { TypedAnswer } from './call-provider.ts'
import type { PlannedTarget, WayPlanner } from './plan-request.ts'
import type { CallLimits } from './ports/call-limits.ts'
import type { Log } from './ports/log.ts'
import type { Claim, Stopping } from './ports/request-context.ts'
import type { TargetHealth } from './ports/target-health.ts'
import type { TargetLatency } from './ports/target-latency.ts'
import type { Clock, Timers } from './ports/timers.ts'
import { type RunEnding, runEnding } from './run-ending.ts'
import type { Turn } from './take-turn.ts'

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
  stopping?: Stopping
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

/** Until the deadline, in ms; null when there is none. */
export function remainingMsOf({ request: { deadline }, clock }: CallRun): number | null {
  return deadline === null ? null : deadline - clock.now()
}

/** Why the run must not go on; null when nothing is in the way. @throws ClaimRefused */
export function endingOf({ signal, request, clock }: CallRun): RunEnding | null {
  return runEnding({ signal, deadline: request.deadline, now: clock.now() })
}
