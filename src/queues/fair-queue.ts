/**
 * What waits for a slot, in lanes and by tenant.
 *
 * Lanes share the starts by weight: while all three have work, of twelve starts eight are interactive, three normal, one
 * bulk, evenly mixed, so that none starves. An empty lane leaves its share to the others and saves nothing up. Inside a
 * lane tenants take turns, by default one start each, a tenant of weight n up to n in a row; a tenant's own requests keep
 * their order. A tenant that has as many in flight as it may is passed over until one of them has ended.
 *
 *   waiting ──take──► in flight ──ended──► gone
 *
 * Every step costs the same however much waits; only `removeWhere` looks at everything.
 */
import { type Lane, laneSymbols } from '../contract/types.ts'
import { LinkedQueue } from './linked-queue.ts'

/** Shares of the lanes in the starts. */
const laneWeights: Readonly<Record<Lane, number>> = { INTERACTIVE: 8, NORMAL: 3, BULK: 1 }

/** How tenants share. */
export interface TenantShares {
  /** In flight at once for one tenant, over all lanes; 0, the default, is no limit. */
  maxInFlightCount?: number
  /** Turns in a row; 1 for tenants that are not named. */
  weights?: ReadonlyMap<string, number>
}

interface TenantLine<T> {
  readonly tenant: string
  readonly items: LinkedQueue<T>
  /** Whether it takes part in the turns; one that is found empty or at its limit is taken out. */
  hasTurns: boolean
  /** Starts that are left of its turn. */
  turnsLeft: number
}

interface LaneState<T> {
  readonly weight: number
  /** Rises by the weight at each start that the lane could have had, and falls by all of them when it has it. */
  credit: number
  readonly lines: Map<string, TenantLine<T>>
  /** Lines in the order of their turns. */
  readonly turns: LinkedQueue<TenantLine<T>>
}

/** See the head of the file. */
export class FairQueue<T> {
  readonly #lanes: Readonly<Record<Lane, LaneState<T>>>
  readonly #maxInFlightCount: number
  readonly #weights: ReadonlyMap<string, number>
  readonly #inFlight = new Map<string, number>()
  #count = 0

  constructor({ maxInFlightCount = 0, weights = new Map() }: TenantShares = {}) {
    this.#maxInFlightCount = maxInFlightCount === 0 ? Number.POSITIVE_INFINITY : maxInFlightCount
    this.#weights = weights
    const lane = (name: Lane): LaneState<T> => ({
      weight: laneWeights[name],
      credit: 0,
      lines: new Map(),
      turns: new LinkedQueue(),
    })
    this.#lanes = { INTERACTIVE: lane('INTERACTIVE'), NORMAL: lane('NORMAL'), BULK: lane('BULK') }
  }

  /** Items that wait. */
  get count(): number {
    return this.#count
  }

  /** Adds an item; `first` puts it before the tenant's others, for one that was taken before. */
  add(lane: Lane, tenant: string, item: T, place: 'first' | 'last' = 'last'): void {
    const state = this.#lanes[lane]
    let line = state.lines.get(tenant)
    if (line === undefined) {
      line = { tenant, items: new LinkedQueue(), hasTurns: false, turnsLeft: 0 }
      state.lines.set(tenant, line)
    }
    if (place === 'first') line.items.unshift(item)
    else line.items.push(item)
    this.#count += 1
    this.#giveTurns(state, line)
  }

  /** Takes the item whose turn it is, which is in flight then; undefined when none waits that may start. */
  take(): T | undefined {
    const lane = this.#nextLane()
    const line = lane?.turns.first
    if (lane === undefined || line === undefined) return undefined
    const item = line.items.shift()
    this.#count -= 1
    this.#inFlight.set(line.tenant, this.#inFlightOf(line.tenant) + 1)
    line.turnsLeft -= 1
    if (line.turnsLeft <= 0 || line.items.count === 0) {
      lane.turns.shift()
      line.hasTurns = false
      if (line.items.count === 0) lane.lines.delete(line.tenant)
      else this.#giveTurns(lane, line)
    }
    return item
  }

  /** An item of this tenant that was taken is not in flight any more. Once for each that was taken. */
  ended(tenant: string): void {
    const left = this.#inFlightOf(tenant) - 1
    if (left > 0) this.#inFlight.set(tenant, left)
    else this.#inFlight.delete(tenant)
    for (const name of laneSymbols) {
      const line = this.#lanes[name].lines.get(tenant)
      if (line !== undefined) this.#giveTurns(this.#lanes[name], line)
    }
  }

  /** Takes out all items of which this is true. */
  removeWhere(isUnwanted: (item: T) => boolean): T[] {
    const removed: T[] = []
    for (const name of laneSymbols) {
      for (const { items } of this.#lanes[name].lines.values()) removed.push(...items.removeWhere(isUnwanted))
    }
    this.#count -= removed.length
    return removed
  }

  #inFlightOf(tenant: string): number {
    return this.#inFlight.get(tenant) ?? 0
  }

  #giveTurns(lane: LaneState<T>, line: TenantLine<T>): void {
    if (line.hasTurns || this.#inFlightOf(line.tenant) >= this.#maxInFlightCount) return
    line.hasTurns = true
    line.turnsLeft = this.#weights.get(line.tenant) ?? 1
    lane.turns.push(line)
  }

  /** Takes lines that cannot start from the front. Each was put there by one step, so this is paid for. */
  #dropIdleLines(lane: LaneState<T>): void {
    for (let line = lane.turns.first; line !== undefined; line = lane.turns.first) {
      const isEmpty = line.items.count === 0
      if (!isEmpty && this.#inFlightOf(line.tenant) < this.#maxInFlightCount) return
      lane.turns.shift()
      line.hasTurns = false
      if (isEmpty) lane.lines.delete(line.tenant)
    }
  }

  /** Smooth weighted round robin among the lanes that have work. */
  #nextLane(): LaneState<T> | undefined {
    let chosen: LaneState<T> | undefined
    let total = 0
    for (const name of laneSymbols) {
      const lane = this.#lanes[name]
      this.#dropIdleLines(lane)
      if (lane.turns.count === 0) continue
      lane.credit += lane.weight
      total += lane.weight
      if (chosen === undefined || lane.credit > chosen.credit) chosen = lane
    }
    if (chosen !== undefined) chosen.credit -= total
    return chosen
  }
}
