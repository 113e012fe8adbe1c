import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../faults/seeded-random.ts'

const draw = (seed: number) => {
  const random = seededRandom(seed)
  return Array.from({ length: 100 }, () => random.integer(1, 6))
}

describe('seededRandom', () => {
  it('gives the same chances for the same seed, and others for another', () => {
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  it('keeps to the bounds and reaches both', () => {
    expect([...new Set(draw(1))].sort()).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('picks what there is', () => {
    const random = seededRandom(3)
    expect(['a', 'b']).toContain(random.pick(['a', 'b']))
    expect(() => random.pick([])).toThrow('nothing to pick')
    expect([random.chance(0), random.chance(1)]).toEqual([false, true])
  })
})
