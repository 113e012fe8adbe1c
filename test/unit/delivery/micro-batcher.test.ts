import { expect, test, vi } from 'vitest'
import { MicroBatcher, type MicroBatcherOptions } from '../../../src/delivery/micro-batcher.ts'
import { ManualTimers, settle } from '../consumers/manual-timers.ts'

function batcher(changes: Partial<MicroBatcherOptions<number, string>> = {}) {
  const timers = new ManualTimers()
  const batches: number[][] = []
  const run = vi.fn(async (items: readonly number[]) => {
    batches.push([...items])
    return items.map((item) => `done ${item}`)
  })
  return {
    timers,
    batches,
    subject: new MicroBatcher<number, string>({ run, maxCount: 3, lingerMs: 5, timers, ...changes }),
  }
}

test('an item after a pause leaves with those of its turn', async () => {
  const { timers, batches, subject } = batcher()
  const first = Promise.all([subject.add(1), subject.add(2)])
  await timers.advance(0)
  await first
  await timers.advance(5)
  const second = subject.add(3)
  await timers.advance(0)
  await second
  expect(batches).toEqual([[1, 2], [3]])
})

test('an item that follows another closely waits for company, then each gets its own result', async () => {
  const { timers, batches, subject } = batcher()
  const before = subject.add(0)
  await timers.advance(0)
  await before
  batches.length = 0
  const results = Promise.all([subject.add(1), subject.add(2)])
  await timers.advance(4)
  expect(batches).toEqual([])
  await timers.advance(1)
  expect(await results).toEqual(['done 1', 'done 2'])
  expect(batches).toEqual([[1, 2]])
})

test('a full batch leaves at once, the rest after it without lingering', async () => {
  const { batches, subject } = batcher()
  await Promise.all([1, 2, 3, 4].map((item) => subject.add(item)))
  expect(batches).toEqual([[1, 2, 3], [4]])
})

test('bytes fill a batch too; an item larger than that goes alone', async () => {
  const { timers, batches, subject } = batcher({ maxBytes: 10, bytesOf: (item) => item, maxCount: 100 })
  const results = [4, 4, 20, 1].map((item) => subject.add(item))
  await timers.advance(5)
  await Promise.all(results)
  expect(batches).toEqual([[4, 4], [20], [1]])
})

test('one batch at a time', async () => {
  let running = 0
  let most = 0
  const { subject } = batcher({
    maxCount: 1,
    run: async (items) => {
      most = Math.max(most, ++running)
      await settle()
      running--
      return items.map(String)
    },
  })
  await Promise.all([1, 2, 3].map((item) => subject.add(item)))
  expect(most).toBe(1)
})

test('a failing batch rejects its own items only', async () => {
  const { subject } = batcher({
    maxCount: 2,
    run: async (items) => {
      if (items.includes(1)) throw new Error('bad')
      return items.map(String)
    },
  })
  const results = await Promise.allSettled([1, 2, 3, 4].map((item) => subject.add(item)))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled'])
})

test('a batch with too few results rejects instead of mixing them up', async () => {
  const { timers, subject } = batcher({ run: async () => [] })
  const result = expect(subject.add(1)).rejects.toThrow('1 items came back with 0 results')
  await timers.advance(5)
  await result
})

test('idle ends the linger and waits for what came meanwhile', async () => {
  const { batches, subject } = batcher()
  void subject.add(1)
  const idle = subject.idle()
  void subject.add(2)
  await idle
  expect(batches).toEqual([[1], [2]])
  await subject.idle()
})
