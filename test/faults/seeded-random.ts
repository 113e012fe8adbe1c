/** Chances that come out the same for the same seed. */
export interface SeededRandom {
  /** From `low` to `high`, both included. */
  integer(low: number, high: number): number
  /** One of them. @throws when there are none */
  pick<T>(items: readonly T[]): T
  /** True so often, 0 to 1. */
  chance(probability: number): boolean
}

/** The mulberry32 generator: 32 bits of state are plenty for choosing faults. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  return {
    integer: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new Error('There is nothing to pick from')
      return item
    },
    chance: (probability) => next() < probability,
  }
}
