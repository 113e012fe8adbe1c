/**
 * What waits for a slot, in lanes and by tenant.
 *
 * Lanes share the starts by weight: while all three have work, of twelve starts eight are interactive, three normal, one
 * bulk, evenly mixed, so that none starves. An empty lane leaves its share to the others and saves nothing up. Inside a
 * lane tenants take turns, one start each; a tenant's own requests keep their order.
 */
import { type Lane, laneSymbols } from '../contract/types.ts'

/** Shares of the lanes in the starts. */
export const laneWeights: Readonly<Record<Lane, number>> = { INTERACTIVE: 8, NORMAL: 3, BULK: 1 }

interface LaneState<T> {
  readonly weight: number
  /** Rises by the weight at each start that the lane could have had, and falls by all of them when it has it. */
  credit: number
  /** Tenants with work in the order of their turns; re-inserted at the end after each turn. */
  readonly tenants: Map<string, T[]>
}

/** See the head of the file. */
export class FairQueue<T> {
  readonly #lanes: Readonly<Record<Lane, LaneState<T>>>
  #count = 0

  constructor() {
    const lane = (name: Lane): LaneState<T> => ({ weight: laneWeights[name], credit: 0, tenants: new Map() })
    this.#lanes = { INTERACTIVE: lane('INTERACTIVE'), NORMAL: lane('NORMAL'), BULK: lane('BULK') }
  }

  /** Items that wait. */
  get count(): number {
    return this.#count
  }

  /** Adds an item; `first` puts it before the tenant's others, for one that was taken before. */
  add(lane: Lane, tenant: string, item: T, place: 'first' | 'last' = 'last'): void {
    const { tenants } = this.#lanes[lane]
    const waiting = tenants.get(tenant)
    if (waiting === undefined) tenants.set(tenant, [item])
    else if (place === 'first') waiting.unshift(item)
    else waiting.push(item)
    this.#count += 1
  }

  /** Takes the item whose turn it is; undefined when none waits. */
  take(): T | undefined {
    const lane = this.#nextLane()
    const turn = lane?.tenants.entries().next().value
    if (lane === undefined || turn === undefined) return undefined
    const [tenant, waiting] = turn
    const item = waiting.shift()
    lane.tenants.delete(tenant)
    if (waiting.length > 0) lane.tenants.set(tenant, waiting)
    this.#count -= 1
    return item
  }

  /** Takes out all items of which this is true. */
  removeWhere(isUnwanted: (item: T) => boolean): T[] {
    const removed: T[] = []
    for (const name of laneSymbols) {
      const { tenants } = this.#lanes[name]
      for (const [tenant, waiting] of tenants) {
        const kept: T[] = []
        for (const item of waiting) (isUnwanted(item) ? removed : kept).push(item)
        if (kept.length === 0) tenants.delete(tenant)
        else waiting.splice(0, waiting.length, ...kept)
      }
    }
    this.#count -= removed.length
    return removed
  }

  /** Smooth weighted round robin among the lanes that have work. */
  #nextLane(): LaneState<T> | undefined {
    const busy = laneSymbols.map((name) => this.#lanes[name]).filter(({ tenants }) => tenants.size > 0)
    let chosen: LaneState<T> | undefined
    let total = 0
    for (const lane of busy) {
      lane.credit += lane.weight
      total += lane.weight
      if (chosen === undefined || lane.credit > chosen.credit) chosen = lane
    }
    if (chosen !== undefined) chosen.credit -= total
    return chosen
  }
}
