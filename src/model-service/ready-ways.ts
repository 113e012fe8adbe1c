/** The ways to call a target, which are its keys: how they stand with breakers, refused keys and limits, and which one is taken. */
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CallRun } from './call-run.ts'
import type { PlannedTarget } from './plan-request.ts'
import type { KeyedAdapter } from './ports/provider-factory.ts'
import type { CallTarget, TargetStanding } from './ports/target-health.ts'
import { limitedCallOf } from './take-turn.ts'

/** A target under one of its keys. */
export interface Way {
  target: PlannedTarget
  keyed: KeyedAdapter
}

/** How a way stands: as its health says, or `limited` where its limits, or its provider's refusals, allow no call now. */
export type WayStanding = TargetStanding | { kind: 'limited'; waitMs: number }

/** The part of a run that is asked. */
type Asked = Pick<CallRun, 'health' | 'limits' | 'turn'>

/** How a way stands now. */
export function standingOf(run: Pick<Asked, 'health' | 'limits'>, { target, keyed }: Way): WayStanding {
  const standing = run.health.standing(callTargetOf({ target, keyed }))
  if (standing.kind !== 'ready') return standing
  const waitMs = run.limits.waitMs(limitedCallOf(target, keyed))
  return waitMs === 0 ? standing : { kind: 'limited', waitMs }
}

/** The ways to call a target that are not set aside. */
export function readyWays(run: Asked, target: PlannedTarget, without?: ReadonlySet<string | null>): KeyedAdapter[] {
  return target.keyed.filter(
    (keyed) => without?.has(keyed.key) !== true && standingOf(run, { target, keyed }).kind === 'ready',
  )
}

/** One of these ways, keys taking turns; undefined when there is none. */
export function chooseWay(
  run: Asked,
  target: PlannedTarget,
  without: ReadonlySet<string | null>,
): KeyedAdapter | undefined {
  const ways = readyWays(run, target, without)
  return ways.length < 2 ? ways[0] : ways[run.health.turn(target.provider.id) % ways.length]
}

/** The key that the turn of this run is for; undefined where another target has it, or this one fails meanwhile. */
export function turnOf({ turn, health }: Asked, target: PlannedTarget): KeyedAdapter | undefined {
  if (turn?.target !== target) return undefined
  return health.standing(callTargetOf({ target, keyed: turn.keyed })).kind === 'ready' ? turn.keyed : undefined
}

/** Whether the turn that was waited for is for this way. */
export function isTurn({ turn }: Asked, { target, keyed }: Way): boolean {
  return turn !== null && turn.target === target && turn.keyed === keyed
}

/**
 * What may be called soonest of what is set aside, and in how many ms; undefined where everything fails: a breaker that gave way where
 * nothing else is left would not bound the calls to a provider that is down. A refused key is tried again rather than nothing: it may
 * have been repaired, and a refusal costs nothing.
 */
export function soonestWay(run: Asked & Pick<CallRun, 'targets'>): (Way & { waitMs: number }) | undefined {
  const ways = run.targets.flatMap((target) => target.keyed.map((keyed) => ({ target, keyed })))
  return ways
    .map((way) => ({ ...way, ...standingOf(run, way) }))
    .filter(({ kind }) => kind !== 'open')
    .map(({ target, keyed, kind, waitMs }) => ({ target, keyed, waitMs: kind === 'limited' ? waitMs : 0 }))
    .sort((a, b) => a.waitMs - b.waitMs)[0]
}

/** A way as its health sees it. */
export function callTargetOf({ target: { provider, providerModel }, keyed: { key } }: Way): CallTarget {
  return { provider: provider.id, key, model: providerModel }
}

/** Why a target that has no ready way is not called. */
export function passedOverError(run: Asked, target: PlannedTarget): ModelServiceError {
  const standings = target.keyed.map((keyed) => standingOf(run, { target, keyed }))
  const [soonest] = standings.sort((a, b) => a.waitMs - b.waitMs)
  const { kind, waitMs }: WayStanding = soonest ?? { kind: 'open', waitMs: 0 }
  const { provider, providerModel } = target
  const options = { provider: provider.id }
  const when = Number.isFinite(waitMs) ? `for another ${Math.ceil(waitMs)} ms` : 'until another call of it ends'
  switch (kind) {
    case 'limited':
      return new ModelServiceError(
        'RATE_LIMITED',
        `A limit of provider ${provider.id} is reached; it is not called ${when}. Lower the rate, or give it another key.`,
        options,
      )
    case 'key-refused':
      return new ModelServiceError(
        'PROVIDER_AUTHENTICATION',
        `Provider ${provider.id} refused its keys a moment ago; they are set aside ${when}. Check what the key references point to.`,
        options,
      )
    case 'open':
    case 'ready':
      return new ModelServiceError(
        'PROVIDER_UNAVAILABLE',
        `Model ${providerModel} of provider ${provider.id} failed again and again; it is not called ${when}. Add a fallback target, or send the request again later.`,
        options,
      )
    default:
      return kind satisfies never
  }
}
