/**
 * What `top` knows: the requests of the last minute, by the moment at which their events arrived, in slots of one second; and
 * what was polled last. Pure: the time is told to it.
 */
import Big from 'big.js'
import type { PerformanceEvent } from '../../contract/types.ts'
import { formatAmount } from '../../pricing/amount.ts'
import { tokenTotals } from '../../pricing/token-totals.ts'
import { LatencyHistogram } from './latency-histogram.ts'

/** How far back it looks, in ms. */
export const topWindowMs = 60_000
const slotMs = 1_000

/** Models of one second that are told apart; names come with requests, so there may be any number of them. */
const maxModelCount = 200
/** What is counted for all models beyond that. */
export const otherModels = '(others)'

/** How far a consumer group is behind in a topic. */
export interface TopicLag {
  topic: string
  group: string
  /** Records that it has not finished. */
  lagCount: number
}

/** A worker that is not dead. */
export interface TopWorker {
  id: string
  host: string
  pid: number
  version: string
  /** `serving`; `retired` takes no new work; `lapsed` has not renewed its lease in time. */
  state: 'serving' | 'retired' | 'lapsed'
  /** Requests that it has claimed. */
  claimedCount: number
  /** Requests whose outcome it has stored and not published yet. */
  settledCount: number
}

/** Something that is polled: its last answer, or why there is none. */
export type Polled<T> = { value: T; problem: null } | { value: null; problem: string }

/** One model in the window. */
export interface TopModel {
  model: string
  requestCount: number
  failedCount: number
  p50Ms: number | null
  p95Ms: number | null
  inputTokens: number
  outputTokens: number
  /** Known costs by currency, as decimal text. */
  costs: Record<string, string>
  unknownCostCount: number
}

/** Everything at one moment. */
export interface TopSnapshot {
  /** Unix time in ms. */
  at: number
  /** How long was looked, in ms: at most {@link topWindowMs}. */
  windowMs: number
  requestCount: number
  requestsPerSecond: number
  statusCounts: Record<string, number>
  p50Ms: number | null
  p95Ms: number | null
  /** From append to claim. */
  queuedP95Ms: number | null
  /** By error code, most first. */
  errorCounts: Record<string, number>
  /** Most requests first. */
  models: TopModel[]
  lags: Polled<TopicLag[]>
  workers: Polled<TopWorker[]>
}

interface ModelCounts {
  requestCount: number
  failedCount: number
  inputTokens: number
  outputTokens: number
  costs: Map<string, Big>
  unknownCostCount: number
  latency: LatencyHistogram
}

interface Slot {
  index: number
  statusCounts: Map<string, number>
  errorCounts: Map<string, number>
  queued: LatencyHistogram
  models: Map<string, ModelCounts>
}

const notYet = { value: null, problem: 'not read yet' } as const

/** See the head of the file. */
export class TopState {
  #startedAt: number
  readonly #slots: Slot[] = []
  #lags: Polled<TopicLag[]> = notYet
  #workers: Polled<TopWorker[]> = notYet

  /** `now`: Unix time in ms at which it begins to look. */
  constructor(now: number) {
    this.#startedAt = now
  }

  /** It listens from now on: connecting to Kafka has taken a while. */
  begin(now: number): void {
    this.#startedAt = now
  }

  /** An event has arrived. Events of attempts count in the event of their request. */
  add(event: PerformanceEvent, now: number): void {
    if (event.kind !== 'REQUEST') return
    const slot = this.#slotAt(now)
    count(slot.statusCounts, event.status)
    if (event.errorCode !== null) count(slot.errorCounts, event.errorCode)
    if (event.queuedMs !== null) slot.queued.add(event.queuedMs)
    addTo(modelIn(slot, event.model ?? '(none)'), event)
  }

  setLags(lags: Polled<TopicLag[]>): void {
    this.#lags = lags
  }

  setWorkers(workers: Polled<TopWorker[]>): void {
    this.#workers = workers
  }

  snapshot(now: number): TopSnapshot {
    this.#forget(now)
    const windowMs = Math.min(topWindowMs, Math.max(slotMs, now - this.#startedAt))
    const statusCounts = new Map<string, number>()
    const errorCounts = new Map<string, number>()
    const queued = new LatencyHistogram()
    const latency = new LatencyHistogram()
    const models = new Map<string, ModelCounts>()
    for (const slot of this.#slots) {
      for (const [status, times] of slot.statusCounts) count(statusCounts, status, times)
      for (const [code, times] of slot.errorCounts) count(errorCounts, code, times)
      queued.addAll(slot.queued)
      for (const [model, counts] of slot.models) join(models, model, counts)
    }
    for (const counts of models.values()) latency.addAll(counts.latency)
    const requestCount = [...statusCounts.values()].reduce((sum, times) => sum + times, 0)
    return {
      at: now,
      windowMs,
      requestCount,
      requestsPerSecond: requestCount / (windowMs / 1_000),
      statusCounts: mostFirst(statusCounts),
      p50Ms: latency.percentile(50),
      p95Ms: latency.percentile(95),
      queuedP95Ms: queued.percentile(95),
      errorCounts: mostFirst(errorCounts),
      models: [...models].map(toTopModel).sort((left, right) => right.requestCount - left.requestCount),
      lags: this.#lags,
      workers: this.#workers,
    }
  }

  #slotAt(now: number): Slot {
    const index = Math.floor(now / slotMs)
    const last = this.#slots.at(-1)
    // A clock that is set back adds to the newest slot.
    if (last !== undefined && last.index >= index) return last
    this.#forget(now)
    const slot: Slot = {
      index,
      statusCounts: new Map(),
      errorCounts: new Map(),
      queued: new LatencyHistogram(),
      models: new Map(),
    }
    this.#slots.push(slot)
    return slot
  }

  #forget(now: number): void {
    const oldest = Math.floor((now - topWindowMs) / slotMs)
    while ((this.#slots[0]?.index ?? Number.POSITIVE_INFINITY) <= oldest) this.#slots.shift()
  }
}

function addTo(counts: ModelCounts, { status, durationMs, usage, cost }: PerformanceEvent): void {
  counts.requestCount += 1
  if (status !== 'COMPLETED') counts.failedCount += 1
  counts.latency.add(durationMs)
  if (usage !== null) {
    const { input, output } = tokenTotals(usage)
    counts.inputTokens += input
    counts.outputTokens += output
  }
  if (cost.amount !== null) addCost(counts.costs, cost.currency, new Big(cost.amount))
  // Nothing was called, so there is nothing to know.
  else if (cost.unknownReason !== 'NO_CALL') counts.unknownCostCount += 1
}

function join(models: Map<string, ModelCounts>, model: string, counts: ModelCounts): void {
  const total = models.get(model) ?? newCounts()
  models.set(model, total)
  total.requestCount += counts.requestCount
  total.failedCount += counts.failedCount
  total.inputTokens += counts.inputTokens
  total.outputTokens += counts.outputTokens
  total.unknownCostCount += counts.unknownCostCount
  total.latency.addAll(counts.latency)
  for (const [currency, amount] of counts.costs) addCost(total.costs, currency, amount)
}

function modelIn(slot: Slot, name: string): ModelCounts {
  const model = slot.models.has(name) || slot.models.size < maxModelCount ? name : otherModels
  const counts = slot.models.get(model) ?? newCounts()
  slot.models.set(model, counts)
  return counts
}

function newCounts(): ModelCounts {
  return {
    requestCount: 0,
    failedCount: 0,
    inputTokens: 0,
    outputTokens: 0,
    costs: new Map(),
    unknownCostCount: 0,
    latency: new LatencyHistogram(),
  }
}

function toTopModel([model, { latency, costs, ...counts }]: [string, ModelCounts]): TopModel {
  return {
    model,
    ...counts,
    p50Ms: latency.percentile(50),
    p95Ms: latency.percentile(95),
    costs: Object.fromEntries([...costs].map(([currency, amount]) => [currency, formatAmount(amount)])),
  }
}

function addCost(costs: Map<string, Big>, currency: string, amount: Big): void {
  costs.set(currency, (costs.get(currency) ?? new Big(0)).plus(amount))
}

function count(counts: Map<string, number>, name: string, times = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + times)
}

function mostFirst(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, left], [, right]) => right - left))
}
