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
