import { describe, expect, it } from 'vitest'
import { type LinePlace, OrderedLines } from '../../../src/consumers/ordered-lines.ts'

function setUp(windowCount = 100) {
  const paused = new Set<number>()
  const lines = new OrderedLines<{ id: string; place: LinePlace }>({
    limits: { windowCount, windowBytes: 1_000 },
    pause: ({ partition }) => paused.add(partition),
    resume: ({ partition }) => paused.delete(partition),
  })
  const item = (id: string, key: string | null = 'k', partition = 0, bytes = 1) => ({
    id,
    place: { topic: 't', partition, key: key === null ? null : Buffer.from(key, 'latin1'), bytes },
  })
  return { lines, paused, item }
}

describe('OrderedLines', () => {
  it('lets the next of a line be first only when the one before has left', () => {
    const { lines, item } = setUp()
    const [a, b, c] = [item('a'), item('b'), item('c')]
    expect([a, b, c].map((each) => lines.join(each))).toEqual([true, false, false])
    expect(lines.leave(a)).toBe(b)
    expect(lines.leave(b)).toBe(c)
    expect(lines.leave(c)).toBeUndefined()
    expect(lines.count).toBe(0)
    expect(() => lines.leave(c)).toThrow('first of a line')
  })

  it('keeps lines apart by topic, partition and the bytes of the key; no key is a line of its own', () => {
    const { lines, item } = setUp()
    const keys: [string | null, number][] = [
      ['k', 0],
      ['k', 1],
      [null, 0],
      ['', 0],
      ['\xff', 0],
      ['\xfe', 0],
    ]
    for (const [key, partition] of keys) expect(lines.join(item('x', key, partition))).toBe(true)
    for (const [key, partition] of keys) expect(lines.join(item('x', key, partition))).toBe(false)
  })

  it('pauses the partition while one of its lines is full, by count or bytes, until below 70 %', () => {
    const { lines, paused, item } = setUp(10)
    const long = Array.from({ length: 10 }, (_, n) => item(`${n}`))
    for (const each of long.slice(0, 9)) lines.join(each)
    expect([...paused]).toEqual([])
    lines.join(long[9] as never)
    expect([...paused]).toEqual([0])
    const heavy = item('heavy', 'other', 0, 1_000)
    lines.join(heavy)
    for (const each of long.slice(0, 4)) lines.leave(each)
    // The other key still is too large.
    expect([...paused]).toEqual([0])
    lines.leave(heavy)
    expect([...paused]).toEqual([])
  })

  it('gives those that are first once others were removed, and resumes', () => {
    const { lines, paused, item } = setUp(2)
    const items = [item('a1', 'a'), item('a2', 'a'), item('b1', 'b'), item('c1', 'c', 1), item('c2', 'c', 1)]
    for (const each of items) lines.join(each)
    expect([...paused].sort()).toEqual([0, 1])
    const next = lines.removeWhere(({ id }) => ['a1', 'b1', 'c2'].includes(id))
    expect(next.map(({ id }) => id)).toEqual(['a2'])
    expect([...paused]).toEqual([])
    expect(lines.count).toBe(2)
  })
})
