import type { ModelCompletion, ModelRequest, RoutingDecision } from '../contract/types.ts'
import { MemoryCallLimits } from '../limits/memory-call-limits.ts'
import { MemoryTargetHealth } from '../reliability/memory-target-health.ts'
import { MemoryTargetLatency } from '../routing/memory-target-latency.ts'
import { keepAliveTimers } from './keep-alive-timers.ts'
import type { CallLimits } from './ports/call-limits.ts'
import type { Log } from './ports/log.ts'
import type { ModelServiceDeps } from './ports/model-service-deps.ts'
import type { TargetHealth } from './ports/target-health.ts'
import type { TargetLatency } from './ports/target-latency.ts'
import type { Clock, Timers } from './ports/timers.ts'

/** Fields of a log line: ids, codes, counts and times, never content. */
export type LogFields = Record<string, unknown>

/** One operation of the service, as {@link ModelServiceBase.track} sees it. */
export interface Operation<TResult> {
  /** The method's name, for example registerModel. */
  name: string
  /** What it is about. */
  fields: LogFields
  /** What came of it. */
  report?(result: TResult): LogFields
  /** Set by operations that process a request: what its outcome is made of. */
  product?(result: TResult): RequestProduct
}

/** A processed request, before it becomes an outcome. */
export interface RequestProduct {
  request: ModelRequest
  completion: ModelCompletion
  /** Unix time in ms at which the service took it up. */
  startedAt: number
  /** How the targets were chosen; null when the request was refused before. */
  routing: RoutingDecision | null
  /**
   * Registered model (or the name that was asked for) of each attempt of `completion.attempts`, in order; null for one of an
   * earlier try whose model is not known any more.
   */
  attemptModels: (string | null)[]
}

/**
 * What the mixins stand on: the constructor, the dependencies, and hooks with a working default. A mixin overrides hooks
 * and calls `super`; it never has a constructor.
 */
export abstract class ModelServiceBase {
  protected readonly deps: ModelServiceDeps
  #started = false
  #targetHealth: TargetHealth | undefined
  #targetLatency: TargetLatency | undefined
  #callLimits: CallLimits | undefined

  constructor(deps: ModelServiceDeps) {
    this.deps = deps
  }

  /** Takes up work that comes by itself, such as commands. Calling it again does nothing. */
  start(): void {
    if (this.#started) return
    this.#started = true
    this.onStart()
  }

  /** Hook: called once by the first {@link start}. */
  protected onStart(): void {}

  /** Hook: every operation runs through it. */
  protected track<TResult>(_operation: Operation<TResult>, run: () => Promise<TResult>): Promise<TResult> {
    return run()
  }

  protected get clock(): Clock {
    return this.deps.clock ?? systemClock
  }

  protected get timers(): Timers {
    return this.deps.timers ?? keepAliveTimers
  }

  protected get targetHealth(): TargetHealth {
    const { targetHealth, settings } = this.deps
    this.#targetHealth ??=
      targetHealth ??
      new MemoryTargetHealth({ timers: this.timers, log: this.log, settings: settings.reliability ?? {} })
    return this.#targetHealth
  }

  protected get targetLatency(): TargetLatency {
    this.#targetLatency ??= this.deps.targetLatency ?? new MemoryTargetLatency({ timers: this.timers })
    return this.#targetLatency
  }

  protected get callLimits(): CallLimits {
    const { callLimits, random = Math.random } = this.deps
    this.#callLimits ??= callLimits ?? new MemoryCallLimits({ timers: this.timers, random })
    return this.#callLimits
  }

  protected get log(): Log {
    return this.deps.log ?? silentLog
  }
}

const systemClock: Clock = { now: () => Date.now() }

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
