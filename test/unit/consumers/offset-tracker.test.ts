import { describe, expect, it } from 'vitest'
import { OffsetTracker } from '../../../src/consumers/offset-tracker.ts'

describe('OffsetTracker', () => {
  const cases: {
    name: string
    received: number[]
    finished: number[]
    skipTo?: number
    low: number
    next: number
    open: number
  }[] = [
    { name: 'nothing received', received: [], finished: [], low: 5, next: 5, open: 0 },
    { name: 'nothing finished', received: [5, 6], finished: [], low: 5, next: 7, open: 2 },
    { name: 'all finished', received: [5, 6], finished: [5, 6], low: 7, next: 7, open: 0 },
    { name: 'finished out of order, first open', received: [5, 6, 7], finished: [7, 6], low: 5, next: 8, open: 1 },
    { name: 'finished out of order, middle open', received: [5, 6, 7], finished: [7, 5], low: 6, next: 8, open: 1 },
    { name: 'a gap is passed', received: [5, 9, 12], finished: [5], low: 9, next: 13, open: 2 },
    { name: 'a gap at the start is passed', received: [8], finished: [], low: 8, next: 9, open: 1 },
    { name: 'a control record at the end', received: [5], finished: [5], skipTo: 7, low: 7, next: 7, open: 0 },
    { name: 'a control record behind open ones', received: [5, 6], finished: [6], skipTo: 9, low: 5, next: 9, open: 1 },
    { name: 'skipping never goes back', received: [5, 6], finished: [], skipTo: 2, low: 5, next: 7, open: 2 },
    { name: 'finished twice', received: [5, 6], finished: [5, 5], low: 6, next: 7, open: 1 },
    { name: 'finished without being received', received: [5], finished: [99], low: 5, next: 6, open: 1 },
  ]

  it.each(cases)('$name', ({ received, finished, skipTo, low, next, open }) => {
    const tracker = new OffsetTracker(5)
    for (const offset of received) expect(tracker.received(offset)).toBe(true)
    if (skipTo !== undefined) tracker.skipTo(skipTo)
    for (const offset of finished) tracker.finished(offset)
    expect(tracker).toMatchObject({ lowWatermark: low, nextFetch: next, unfinishedCount: open })
  })

  it('says when an offset was given before, or finished before', () => {
    const tracker = new OffsetTracker(5)
    expect(tracker.received(4)).toBe(false)
    expect(tracker.received(5)).toBe(true)
    expect(tracker.received(5)).toBe(false)
    expect(tracker.finished(5)).toBe(true)
    expect(tracker.finished(5)).toBe(false)
  })

  it('agrees with a model that remembers everything, whatever the order', () => {
    const random = seeded(20_241)
    for (let round = 0; round < 60; round++) {
      const start = Math.floor(random() * 100)
      const tracker = new OffsetTracker(start)
      const everReceived: number[] = []
      const finished = new Set<number>()
      let next = start
      let lastLow = start
      for (let step = 0; step < 400; step++) {
        const choice = random()
        if (choice < 0.5) {
          const offset = next + (random() < 0.2 ? Math.floor(random() * 5) : 0)
          tracker.received(offset)
          everReceived.push(offset)
          next = offset + 1
        } else if (choice < 0.55) {
          next += Math.floor(random() * 3)
          tracker.skipTo(next)
        } else if (everReceived.length > 0) {
          // Sometimes near the head, sometimes anywhere.
          const reach = random() < 0.5 ? Math.min(10, everReceived.length) : everReceived.length
          const offset = everReceived.filter((o) => !finished.has(o))[Math.floor(random() * reach)]
          if (offset !== undefined) {
            finished.add(offset)
            tracker.finished(offset)
          }
        }
        const open = everReceived.filter((offset) => !finished.has(offset))
        const seen = [tracker.lowWatermark, tracker.unfinishedCount, tracker.nextFetch]
        const wanted = [open[0] ?? next, open.length, next]
        if (String(seen) !== String(wanted)) expect({ round, step, seen }).toEqual({ round, step, seen: wanted })
        if (tracker.lowWatermark < lastLow) throw new Error(`Round ${round}, step ${step}: the low watermark went back`)
        lastLow = tracker.lowWatermark
      }
    }
  })

  it('retains at most twice the unfinished offsets, or 64: one stuck with 50,000 finished behind it', () => {
    const tracker = new OffsetTracker(0)
    tracker.received(0)
    let mostRetained = 0
    let highestLow = 0
    for (let offset = 1; offset <= 50_000; offset++) {
      tracker.received(offset)
      mostRetained = Math.max(mostRetained, tracker.retainedCount)
      tracker.finished(offset)
      highestLow = Math.max(highestLow, tracker.lowWatermark)
    }
    expect(mostRetained).toBeLessThanOrEqual(64)
    expect(highestLow).toBe(0)
    tracker.finished(0)
    expect(tracker.lowWatermark).toBe(50_001)
  })

  it('retains no more than that when a full window is finished from its end', () => {
    const tracker = new OffsetTracker(0)
    for (let offset = 0; offset < 1_000; offset++) tracker.received(offset)
    let excess = 0
    for (let offset = 999; offset > 0; offset--) {
      tracker.finished(offset)
      excess = Math.max(excess, tracker.retainedCount - Math.max(64, 2 * tracker.unfinishedCount))
    }
    expect(excess).toBeLessThanOrEqual(0)
    expect(tracker.lowWatermark).toBe(0)
  })
})

/** A small generator (mulberry32), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
