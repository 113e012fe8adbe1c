/**
 * The limits of provider keys, in the memory of one process: calls at once, requests and tokens a minute, as the registry sets them,
 * and as providers tell them in their answers. A request is let in, or waits:
 *
 *   asked ──► let in, when nobody waits for the key and its limits allow ──► call ──► ended: what it really took is counted
 *     └─────► waiting, by lane and tenant as for a slot ──► let in, or given up by its signal
 *
 * The first of the line waits until its own amount fits, and holds up the others of the key: else large requests would never come
 * in. Limits are those of all workers together; each keeps to an equal share, as nothing but a common store asked before every call
 * could share them better. There are as many entries as keys of providers.
 */
import type { Limits } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CallLimits, CallPermit, LimitedCall, Timers, WaitingTurn } from '../model-service/ports.ts'
import { FairQueue } from '../queues/fair-queue.ts'
import { type LearnedLimit, learnedWaitMs } from './learned-limit.ts'
import { MinuteWindow } from './minute-window.ts'
import type { RateLimitState } from './read-rate-limits.ts'

/** What the limits are kept with. */
export interface MemoryCallLimitsOptions {
  timers: Timers
  /** Turns of a tenant in a row among those who wait; default 1. */
  tenantWeights?: ReadonlyMap<string, number>
  /** Hears that a request waited too long for this provider, and perhaps for others; nobody by default. Must not throw. */
  onRefused?: (provider: string) => void
}

/** What holds of a provider, all of its keys together. */
export interface LimitStatus {
  provider: string
  waitingCount: number
  inFlightCount: number
  /** This worker's share of the limits of one key. */
  limits: Limits
}

interface Told {
  limit: LearnedLimit
  at: number
}

interface Entry {
  readonly provider: string
  limits: Limits
  inFlightCount: number
  readonly requests: MinuteWindow
  readonly tokens: MinuteWindow
  readonly told: { requests: Told | null; tokens: Told | null }
  readonly queue: FairQueue<Place>
  /** The first of the line, once taken out of the queue. */
  first: Place | null
  waitingCount: number
  cancelTimer: () => void
}

/** One who waits, for any of several keys; in the line of each. */
interface Waiter {
  isOver: boolean
  letIn(index: number): void
}

interface Place {
  waiter: Waiter
  tenant: string
  call: LimitedCall
  index: number
}

const noLimits: Limits = { maxConcurrentCalls: null, requestsPerMinute: null, tokensPerMinute: null }
/** However long the wait is reckoned, the line is looked at again after so long, in ms. */
const lookAgainMs = 30_000

/** See the top of the file. */
export class MemoryCallLimits implements CallLimits {
  readonly #timers: Timers
  readonly #tenantWeights: ReadonlyMap<string, number>
  readonly #onRefused: (provider: string) => void
  readonly #entries = new Map<string, Entry>()
  #workerCount = 1

  constructor({ timers, tenantWeights = new Map(), onRefused = () => {} }: MemoryCallLimitsOptions) {
    this.#timers = timers
    this.#onRefused = onRefused
    this.#tenantWeights = tenantWeights
  }

  /** How many workers share the limits; at least 1. */
  setWorkerCount(count: number): void {
    this.#workerCount = Math.max(1, Math.floor(count) || 1)
    for (const entry of this.#entries.values()) this.#pump(entry)
  }

  waitMs(call: LimitedCall): number {
    const entry = this.#entryOf(call)
    const ownMs = this.#waitOf(entry, call.tokens)
    return entry.waitingCount > 0 ? Math.max(1, ownMs) : ownMs
  }

  begin(call: LimitedCall): CallPermit {
    return this.#begin(this.#entryOf(call), call.tokens)
  }

  tryTurn(calls: readonly LimitedCall[]): { index: number; permit: CallPermit } | null {
    // Asked for a fresh plan, so these are the newest limits; runs under way carry older ones.
    for (const call of calls) this.#entryOf(call).limits = call.limits ?? noLimits
    const index = calls.findIndex((call) => this.waitMs(call) === 0)
    const call = calls[index]
    return call === undefined ? null : { index, permit: this.begin(call) }
  }

  waitForTurn(
    calls: readonly LimitedCall[],
    { lane, tenant, signal }: WaitingTurn,
  ): Promise<{ index: number; permit: CallPermit } | null> {
    if (signal.aborted || calls.length === 0) return Promise.resolve(null)
    return new Promise((resolve) => {
      const entries = calls.map((call) => this.#entryOf(call))
      const end = (turn: { index: number; permit: CallPermit } | null) => {
        waiter.isOver = true
        signal.removeEventListener('abort', giveUp)
        for (const entry of entries) entry.waitingCount -= 1
        resolve(turn)
      }
      const giveUp = () => {
        end(null)
        const { reason } = signal
        const [first] = entries
        if (reason instanceof ModelServiceError && reason.code === 'RATE_LIMITED' && first !== undefined) {
          this.#onRefused(first.provider)
        }
        for (const entry of entries) this.#pump(entry)
      }
      const waiter: Waiter = {
        isOver: false,
        letIn: (index) => {
          const [entry, call] = [entries[index], calls[index]]
          if (entry !== undefined && call !== undefined) end({ index, permit: this.#begin(entry, call.tokens) })
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      for (const [index, entry] of entries.entries()) {
        const call = calls[index]
        if (call === undefined) continue
        entry.waitingCount += 1
        entry.queue.add(lane, tenant, { waiter, tenant, call, index })
      }
      for (const entry of entries) this.#pump(entry)
    })
  }

  update(provider: string, limits: Limits | null): void {
    for (const entry of this.#entries.values()) {
      if (entry.provider !== provider) continue
      entry.limits = limits ?? noLimits
      this.#pump(entry)
    }
  }

  /** What holds of each provider that was called. */
  status(): LimitStatus[] {
    const byProvider = new Map<string, LimitStatus>()
    for (const { provider, limits, waitingCount, inFlightCount } of this.#entries.values()) {
      const known = byProvider.get(provider)
      byProvider.set(provider, {
        provider,
        waitingCount: (known?.waitingCount ?? 0) + waitingCount,
        inFlightCount: (known?.inFlightCount ?? 0) + inFlightCount,
        limits: {
          maxConcurrentCalls: this.#shareOf(limits.maxConcurrentCalls),
          requestsPerMinute: this.#shareOf(limits.requestsPerMinute),
          tokensPerMinute: this.#shareOf(limits.tokensPerMinute),
        },
      })
    }
    return [...byProvider.values()]
  }

  #entryOf({ provider, key, limits }: LimitedCall): Entry {
    const id = `${provider}\0${key ?? ''}`
    const known = this.#entries.get(id)
    if (known !== undefined) return known
    const entry: Entry = {
      provider,
      limits: limits ?? noLimits,
      inFlightCount: 0,
      requests: new MinuteWindow(),
      tokens: new MinuteWindow(),
      told: { requests: null, tokens: null },
      queue: new FairQueue({ weights: this.#tenantWeights }),
      first: null,
      waitingCount: 0,
      cancelTimer: () => {},
    }
    this.#entries.set(id, entry)
    return entry
  }

  /** A whole share of at least 1: a limit below the number of workers cannot be kept. */
  #shareOf(limit: number | null): number | null {
    return limit === null ? null : Math.max(1, Math.floor(limit / this.#workerCount))
  }

  /** In how many ms the limits allow a call of so many tokens; Infinity while only the end of another one can help. */
  #waitOf(entry: Entry, tokens: number): number {
    const { limits, requests, told, inFlightCount } = entry
    const now = this.#timers.now()
    const [calls, perMinute, tokensPerMinute] = [
      this.#shareOf(limits.maxConcurrentCalls),
      this.#shareOf(limits.requestsPerMinute),
      this.#shareOf(limits.tokensPerMinute),
    ]
    if (calls !== null && inFlightCount >= calls) return Number.POSITIVE_INFINITY
    return Math.max(
      perMinute === null ? 0 : requests.waitMs(1, perMinute, now),
      tokensPerMinute === null ? 0 : entry.tokens.waitMs(tokens, tokensPerMinute, now),
      told.requests === null ? 0 : learnedWaitMs(told.requests.limit, 1, now - told.requests.at),
      told.tokens === null ? 0 : learnedWaitMs(told.tokens.limit, tokens, now - told.tokens.at),
    )
  }

  #begin(entry: Entry, tokens: number): CallPermit {
    const startedAt = this.#timers.now()
    entry.inFlightCount += 1
    entry.requests.add(1, startedAt, startedAt)
    entry.tokens.add(tokens, startedAt, startedAt)
    if (entry.told.requests !== null) entry.told.requests.limit.remaining -= 1
    if (entry.told.tokens !== null) entry.told.tokens.limit.remaining -= tokens
    let isOver = false
    const end = (requestCount: number, tokenCount: number) => {
      if (isOver) return
      isOver = true
      entry.inFlightCount -= 1
      const now = this.#timers.now()
      if (requestCount !== 1) entry.requests.add(requestCount - 1, startedAt, now)
      entry.tokens.add(tokenCount - tokens, startedAt, now)
      this.#pump(entry)
    }
    return {
      end: (usedTokens) => end(1, usedTokens ?? tokens),
      giveBack: () => end(0, 0),
      learn: (state) => this.#learn(entry, state),
    }
  }

  /** The newest word counts: it tells of all workers, and of whoever else uses the key. */
  #learn({ told }: Entry, { requests, tokens }: RateLimitState): void {
    const at = this.#timers.now()
    if (requests !== null) told.requests = { limit: { ...requests }, at }
    if (tokens !== null) told.tokens = { limit: { ...tokens }, at }
  }

  /** Lets in who may come in; then waits for the moment when the next may. */
  #pump(entry: Entry): void {
    entry.cancelTimer()
    entry.cancelTimer = () => {}
    for (;;) {
      entry.first ??= this.#next(entry)
      const { first } = entry
      if (first === null) return
      if (first.waiter.isOver) {
        entry.first = null
        continue
      }
      const waitMs = this.#waitOf(entry, first.call.tokens)
      if (waitMs > 0) {
        entry.cancelTimer = this.#timers.after(Math.min(waitMs, lookAgainMs), () => this.#pump(entry))
        return
      }
      entry.first = null
      first.waiter.letIn(first.index)
    }
  }

  #next({ queue }: Entry): Place | null {
    const place = queue.take()
    if (place === undefined) return null
    // Nobody is bounded here by what is in flight.
    queue.ended(place.tenant)
    return place
  }
}
