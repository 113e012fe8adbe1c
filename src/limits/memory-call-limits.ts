/**
 * The limits of provider keys, in the memory of one process: calls at once, requests and tokens a minute, as the registry sets them
 * for a key; and what providers tell in their answers, which they count by the model. A request is let in, or waits:
 *
 *   asked ──► let in, when nobody is held up before it and the limits allow ──► call ──► ended: what it really took is counted
 *     └─────► waiting in the line of its model, by lane and tenant as for a slot ──► let in, or given up by its signal
 *
 * The lines of a key take turns. The first of a line waits until its own amount fits: while the key's limits keep it out, nobody
 * comes in before it, or large requests never would; while only its model is exhausted, or left alone after a refusal, the other
 * lines go on. Limits are those of all workers together; each keeps to its share, as nothing but a common store asked before every
 * call could share them better. There are as many entries as keys of providers. It is longer than most files because a key, its
 * lines and who waits in them are told together.
 */
import type { Limits } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { CallLimits, CallPermit, LimitedCall, WaitingTurn } from '../model-service/ports/call-limits.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import { FairQueue } from '../queues/fair-queue.ts'
import { type LearnedLimit, learnedWaitMs, longestBelievedMs } from './learned-limit.ts'
import { MinuteWindow } from './minute-window.ts'
import type { RateLimitState } from './read-rate-limits.ts'
import { RefusalBackoff } from './refusal-backoff.ts'
import { alone, shareOf, type WorkerPlace } from './worker-share.ts'

/** What the limits are kept with. */
export interface MemoryCallLimitsOptions {
  timers: Timers
  /** Turns of a tenant in a row among those who wait; default 1. */
  tenantWeights?: ReadonlyMap<string, number>
  /** Hears that a request waited too long for this provider, and perhaps for others; nobody by default. Must not throw. */
  onRefused?: (provider: string) => void
  /** Draws from 0 (included) to 1 (excluded) for the waits after refusals; Math.random by default. */
  random?: () => number
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

/** A key of a provider. */
interface Entry {
  readonly provider: string
  limits: Limits
  inFlightCount: number
  /** Places in all lines. */
  waitingCount: number
  readonly requests: MinuteWindow
  readonly tokens: MinuteWindow
  /** By model, in the order of their turns. */
  readonly lines: Map<string, Line>
  cancelTimer: () => void
}

/** A model under a key. */
interface Line {
  readonly model: string
  readonly entry: Entry
  readonly told: { requests: Told | null; tokens: Told | null }
  readonly backoff: RefusalBackoff
  inFlightCount: number
  readonly queue: FairQueue<Place>
  /** The first of the line, once taken out of the queue. */
  first: Place | null
  waitingCount: number
}

/** One who waits, for any of several calls; in the line of each. */
interface Waiter {
  isOver: boolean
  letIn(index: number): void
}

interface Place {
  waiter: Waiter
  tenant: string
  tokens: number
  index: number
}

const noLimits: Limits = { maxConcurrentCalls: null, requestsPerMinute: null, tokensPerMinute: null }
/** However long the wait is reckoned, the lines are looked at again after so long, in ms. */
const lookAgainMs = 30_000
/** Model names come from requests, so their number has no other bound. */
const maxLines = 1_024

/** See the top of the file. */
export class MemoryCallLimits implements CallLimits {
  readonly #timers: Timers
  readonly #tenantWeights: ReadonlyMap<string, number>
  readonly #onRefused: (provider: string) => void
  readonly #random: () => number
  readonly #entries = new Map<string, Entry>()
  #place: WorkerPlace = alone

  constructor(options: MemoryCallLimitsOptions) {
    const { timers, tenantWeights = new Map(), onRefused = () => {}, random = Math.random } = options
    this.#timers = timers
    this.#random = random
    this.#tenantWeights = tenantWeights
    this.#onRefused = onRefused
  }

  /** Where this worker stands among those that share the limits. */
  setPlace(place: WorkerPlace): void {
    this.#place = place
    for (const entry of this.#entries.values()) this.#pump(entry)
  }

  waitMs(call: LimitedCall, { isRetry = false }: { isRetry?: boolean } = {}): number {
    const line = this.#lineOf(call)
    const ownMs = Math.max(this.#keyWaitOf(line.entry, call.tokens), this.#toldWaitOf(line, call.tokens))
    return !isRetry && this.#isHeldUp(line) ? Math.max(1, ownMs) : ownMs
  }

  begin(call: LimitedCall): CallPermit {
    return this.#begin(this.#lineOf(call), call.tokens)
  }

  tryTurn(calls: readonly LimitedCall[]): { index: number; permit: CallPermit } | null {
    // Asked for a fresh plan, so these are the newest limits; runs under way carry older ones.
    for (const call of calls) this.#lineOf(call).entry.limits = call.limits ?? noLimits
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
      const lines = calls.map((call) => this.#lineOf(call))
      const entries = new Set(lines.map(({ entry }) => entry))
      const end = (turn: { index: number; permit: CallPermit } | null) => {
        waiter.isOver = true
        signal.removeEventListener('abort', giveUp)
        for (const line of lines) {
          line.waitingCount -= 1
          line.entry.waitingCount -= 1
        }
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
          const [line, call] = [lines[index], calls[index]]
          if (line !== undefined && call !== undefined) end({ index, permit: this.#begin(line, call.tokens) })
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      for (const [index, line] of lines.entries()) {
        line.waitingCount += 1
        line.entry.waitingCount += 1
        line.queue.add(lane, tenant, { waiter, tenant, tokens: calls[index]?.tokens ?? 0, index })
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

  #lineOf({ provider, key, model, limits }: LimitedCall): Line {
    const id = `${provider}\0${key ?? ''}`
    let entry = this.#entries.get(id)
    if (entry === undefined) {
      entry = {
        ...{ provider, limits: limits ?? noLimits, inFlightCount: 0, waitingCount: 0, lines: new Map() },
        ...{ requests: new MinuteWindow(), tokens: new MinuteWindow() },
        cancelTimer: () => {},
      }
      this.#entries.set(id, entry)
    }
    let line = entry.lines.get(model)
    if (line === undefined) {
      if (entry.lines.size >= maxLines) this.#sweep(entry)
      const queue = new FairQueue<Place>({ weights: this.#tenantWeights })
      line = {
        ...{ model, entry, queue, told: { requests: null, tokens: null }, first: null, waitingCount: 0 },
        ...{ backoff: new RefusalBackoff(), inFlightCount: 0 },
      }
      entry.lines.set(model, line)
    }
    return line
  }

  #shareOf(limit: number | null): number | null {
    return limit === null ? null : shareOf(limit, this.#place)
  }

  /**
   * In how many ms the key's limits allow a call of so many tokens; Infinity while only the end of another one can help, or a place
   * with a share.
   */
  #keyWaitOf({ limits, requests, tokens: taken, inFlightCount }: Entry, tokens: number): number {
    const now = this.#timers.now()
    const calls = this.#shareOf(limits.maxConcurrentCalls)
    const perMinute = this.#shareOf(limits.requestsPerMinute)
    const tokensPerMinute = this.#shareOf(limits.tokensPerMinute)
    if (calls !== null && inFlightCount >= calls) return Number.POSITIVE_INFINITY
    if (perMinute === 0 || tokensPerMinute === 0) return Number.POSITIVE_INFINITY
    return Math.max(
      perMinute === null ? 0 : requests.waitMs(1, perMinute, now),
      tokensPerMinute === null ? 0 : taken.waitMs(tokens, tokensPerMinute, now),
    )
  }

  /** In how many ms the provider's own word allows it, and its refusals. */
  #toldWaitOf({ told: { requests, tokens: told }, backoff, inFlightCount }: Line, tokens: number): number {
    const now = this.#timers.now()
    return Math.max(
      backoff.waitMs(now, inFlightCount),
      requests === null ? 0 : learnedWaitMs(requests.limit, 1, now - requests.at),
      told === null ? 0 : learnedWaitMs(told.limit, tokens, now - told.at),
    )
  }

  /** Whether somebody waits who is to come in first: in this line, or in another that the key's limits keep out. */
  #isHeldUp(line: Line): boolean {
    if (line.entry.waitingCount === 0) return false
    if (line.waitingCount > 0) return true
    for (const other of line.entry.lines.values()) {
      if (other.waitingCount > 0 && this.#keyWaitOf(line.entry, other.first?.tokens ?? 0) > 0) return true
    }
    return false
  }

  #begin(line: Line, tokens: number): CallPermit {
    const { entry } = line
    const startedAt = this.#timers.now()
    entry.inFlightCount += 1
    line.inFlightCount += 1
    entry.requests.add(1, startedAt, startedAt)
    entry.tokens.add(tokens, startedAt, startedAt)
    if (line.told.requests !== null) line.told.requests.limit.remaining -= 1
    if (line.told.tokens !== null) line.told.tokens.limit.remaining -= tokens
    let isOver = false
    let isRefused = false
    const end = (requestCount: number, tokenCount: number) => {
      if (isOver) return
      isOver = true
      entry.inFlightCount -= 1
      line.inFlightCount -= 1
      if (requestCount === 1 && !isRefused) line.backoff.gotThrough(startedAt)
      const now = this.#timers.now()
      if (requestCount !== 1) entry.requests.add(requestCount - 1, startedAt, now)
      entry.tokens.add(tokenCount - tokens, startedAt, now)
      this.#pump(entry)
    }
    return {
      end: (usedTokens) => end(1, usedTokens ?? tokens),
      giveBack: () => end(0, 0),
      learn: (state) => this.#learn(line, state),
      refused: (retryAfterMs) => {
        if (isOver) return
        isRefused = true
        const kept = this.#keptLine(line)
        const { inFlightCount } = kept
        const [now, draw] = [this.#timers.now(), this.#random()]
        kept.backoff.refused({ startedAt, now, retryAfterMs, inFlightCount, draw })
      },
    }
  }

  /** The newest word counts: it tells of all workers, and of whoever else uses the key. */
  #learn(from: Line, { requests, tokens }: RateLimitState): void {
    const line = this.#keptLine(from)
    const at = this.#timers.now()
    if (requests !== null) line.told.requests = { limit: { ...requests }, at }
    if (tokens !== null) line.told.tokens = { limit: { ...tokens }, at }
    this.#pump(line.entry)
  }

  /** The line of its model now: it may have been dropped while a call of it ran. */
  #keptLine(line: Line): Line {
    const { lines } = line.entry
    const kept = lines.get(line.model) ?? line
    lines.set(line.model, kept)
    return kept
  }

  /** Lets in who may come in; then waits for the moment when the next may. */
  #pump(entry: Entry): void {
    entry.cancelTimer()
    entry.cancelTimer = () => {}
    while (entry.waitingCount > 0) {
      const waitMs = this.#letOneIn(entry)
      if (waitMs === 'one-came-in') continue
      if (waitMs === null) return
      entry.cancelTimer = this.#timers.after(Math.min(waitMs, lookAgainMs), () => this.#pump(entry))
      return
    }
  }

  /** Otherwise in how many ms to look again; null when nobody waits. */
  #letOneIn(entry: Entry): 'one-came-in' | number | null {
    let soonest: number | null = null
    for (const line of [...entry.lines.values()]) {
      const first = this.#firstOf(line)
      if (first === null) continue
      const keyMs = this.#keyWaitOf(entry, first.tokens)
      if (keyMs > 0) return keyMs
      const toldMs = this.#toldWaitOf(line, first.tokens)
      if (toldMs > 0) {
        soonest = Math.min(soonest ?? toldMs, toldMs)
        continue
      }
      line.first = null
      entry.lines.delete(line.model)
      entry.lines.set(line.model, line)
      first.waiter.letIn(first.index)
      return 'one-came-in'
    }
    return soonest
  }

  /** The first who still waits. */
  #firstOf(line: Line): Place | null {
    for (;;) {
      if (line.first === null) {
        const place = line.queue.take()
        if (place === undefined) return null
        // Nobody is bounded here by what is in flight.
        line.queue.ended(place.tenant)
        line.first = place
      }
      if (!line.first.waiter.isOver) return line.first
      line.first = null
    }
  }

  /** Drops lines that nobody waits in: first those of which nothing is known, then any, the one let in longest ago first. */
  #sweep({ lines }: Entry): void {
    const now = this.#timers.now()
    const oldest = now - longestBelievedMs
    for (const { model, waitingCount, told, backoff } of lines.values()) {
      const isTold = (told.requests?.at ?? oldest) > oldest || (told.tokens?.at ?? oldest) > oldest
      const isKnown = isTold || !backoff.isFree(now)
      if (waitingCount === 0 && (!isKnown || lines.size > maxLines)) lines.delete(model)
    }
  }
}
