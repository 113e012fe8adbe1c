import { describe, expect, it } from 'vitest'
import { FairQueue } from '../../../src/consumers/fair-queue.ts'
import type { Lane } from '../../../src/contract/types.ts'

function filled(counts: Partial<Record<Lane, number>>): FairQueue<Lane> {
  const queue = new FairQueue<Lane>()
  for (const [lane, count] of Object.entries(counts) as [Lane, number][]) {
    for (let n = 0; n < count; n++) queue.add(lane, 'tenant', lane)
  }
  return queue
}

function take<T>(queue: FairQueue<T>, count: number): (T | undefined)[] {
  return Array.from({ length: count }, () => queue.take())
}

describe('FairQueue', () => {
  it('gives every twelve starts 8 : 3 : 1 while all lanes have work', () => {
    const queue = filled({ INTERACTIVE: 100, NORMAL: 100, BULK: 100 })
    for (let round = 0; round < 5; round++) {
      const starts = take(queue, 12)
      const countOf = (lane: Lane) => starts.filter((start) => start === lane).length
      expect([countOf('INTERACTIVE'), countOf('NORMAL'), countOf('BULK')]).toEqual([8, 3, 1])
    }
  })

  it('leaves the share of an empty lane to the others', () => {
    expect(take(filled({ BULK: 3 }), 4)).toEqual(['BULK', 'BULK', 'BULK', undefined])
    const starts = take(filled({ NORMAL: 100, BULK: 100 }), 8)
    expect(starts.filter((lane) => lane === 'BULK')).toHaveLength(2)
  })

  it('starts an interactive request at once however many others wait', () => {
    const queue = filled({ NORMAL: 500, BULK: 500 })
    take(queue, 100)
    queue.add('INTERACTIVE', 'tenant', 'INTERACTIVE')
    expect(take(queue, 2)).toContain('INTERACTIVE')
  })

  it('lets tenants of a lane take turns and keeps the order of each', () => {
    const queue = new FairQueue<string>()
    for (let n = 1; n <= 4; n++) queue.add('NORMAL', 'a', `a${n}`)
    queue.add('NORMAL', 'b', 'b1')
    queue.add('NORMAL', 'c', 'c1')
    queue.add('NORMAL', 'b', 'b2')
    expect(take(queue, 8)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4', undefined])
  })

  it('puts an item that was taken before in front of its tenant', () => {
    const queue = new FairQueue<string>()
    queue.add('NORMAL', 'a', 'a1')
    queue.add('NORMAL', 'a', 'a2')
    const first = queue.take() ?? ''
    queue.add('NORMAL', 'a', first, 'first')
    expect(take(queue, 2)).toEqual(['a1', 'a2'])
  })

  it('removes what is unwanted and counts what is left', () => {
    const queue = new FairQueue<string>()
    for (const item of ['a1', 'a2', 'a3']) queue.add('NORMAL', 'a', item)
    queue.add('BULK', 'b', 'b1')
    expect(queue.removeWhere((item) => item === 'a2' || item === 'b1')).toEqual(['a2', 'b1'])
    expect(queue.count).toBe(2)
    expect(take(queue, 3)).toEqual(['a1', 'a3', undefined])
    expect(queue.count).toBe(0)
  })
})
