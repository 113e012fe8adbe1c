import { describe, expect, it } from 'vitest'
import type { Lane } from '../../../src/contract/types.ts'
import { FairQueue } from '../../../src/queues/fair-queue.ts'

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

describe('tenants', () => {
  it('of a weight have so many turns in a row, in each lane', () => {
    const queue = new FairQueue<string>({ weights: new Map([['acme', 3]]) })
    for (let n = 1; n <= 8; n++) for (const tenant of ['acme', 'beta']) queue.add('NORMAL', tenant, tenant)
    const taken = Array.from({ length: 12 }, () => queue.take()?.charAt(0))
    expect(taken.join('')).toBe('aaabaaabaabb')
  })

  it('at their limit are passed over, in all lanes, until one of theirs has ended', () => {
    const queue = new FairQueue<string>({ maxInFlightCount: 2 })
    for (const n of [1, 2, 3]) queue.add('INTERACTIVE', 'acme', `a${n}`)
    queue.add('BULK', 'acme', 'a bulk')
    queue.add('NORMAL', 'beta', 'b1')
    expect([queue.take(), queue.take(), queue.take()].sort()).toEqual(['a1', 'a2', 'b1'])
    expect(queue.take()).toBeUndefined()
    expect(queue.count).toBe(2)
    queue.ended('beta')
    expect(queue.take()).toBeUndefined()
    queue.ended('acme')
    expect(queue.take()).toBe('a3')
    expect(queue.take()).toBeUndefined()
    queue.ended('acme')
    expect(queue.take()).toBe('a bulk')
    expect(queue.count).toBe(0)
  })

  it('at their limit get what is added later too', () => {
    const queue = new FairQueue<string>({ maxInFlightCount: 1 })
    queue.add('NORMAL', 'acme', 'a1')
    expect(queue.take()).toBe('a1')
    queue.add('NORMAL', 'acme', 'a2')
    expect(queue.take()).toBeUndefined()
    queue.ended('acme')
    expect(queue.take()).toBe('a2')
  })

  it('whose requests were all removed take no turn', () => {
    const queue = new FairQueue<string>({ maxInFlightCount: 1 })
    for (const tenant of ['acme', 'beta', 'gamma']) queue.add('NORMAL', tenant, tenant)
    expect(queue.take()).toBe('acme')
    queue.add('NORMAL', 'acme', 'acme 2')
    expect(queue.removeWhere((item) => item !== 'gamma')).toHaveLength(2)
    queue.ended('acme')
    expect([queue.take(), queue.take(), queue.count]).toEqual(['gamma', undefined, 0])
  })

  it('in flight together never exceed their limits, and none that may start waits', () => {
    const queue = new FairQueue<string>({ maxInFlightCount: 3, weights: new Map([['t1', 5]]) })
    const waiting = new Map<string, number>()
    const inFlight = new Map<string, number>()
    const change = (counts: Map<string, number>, tenant: string, by: number) =>
      counts.set(tenant, (counts.get(tenant) ?? 0) + by)
    const lanes = ['INTERACTIVE', 'NORMAL', 'BULK'] as const
    for (let step = 0; step < 20_000; step++) {
      const random = (step * 48271) % 2_147_483_647
      const tenant = `t${random % 7}`
      if (random % 3 === 0) {
        queue.add(lanes[random % 5] ?? 'NORMAL', tenant, tenant)
        change(waiting, tenant, 1)
      } else if (random % 3 === 1 && (inFlight.get(tenant) ?? 0) > 0) {
        queue.ended(tenant)
        change(inFlight, tenant, -1)
      } else {
        const taken = queue.take()
        if (taken === undefined) {
          for (const [name, count] of waiting) if (count > 0) expect(inFlight.get(name)).toBe(3)
        } else {
          change(waiting, taken, -1)
          change(inFlight, taken, 1)
          expect(inFlight.get(taken)).toBeLessThanOrEqual(3)
        }
      }
    }
  })
})
