import { spawnSync } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { afterAll, describe, expect, test } from 'vitest'
import type { CountRequest } from '../../../src/tokens/token-worker.ts'
import { WorkerTokenCounter, type WorkerTokenCounterOptions } from '../../../src/tokens/worker-token-counter.ts'
import { inProcessCounter, wholeCount } from './in-process-counter.ts'

const open = new AbortController().signal
const encoding = 'o200k_base'

/** A thread that does nothing but what the test says. */
class FakeThread extends EventEmitter {
  readonly requests: CountRequest[] = []
  holdsProcess = true
  ref(): void {
    this.holdsProcess = true
  }
  unref(): void {
    this.holdsProcess = false
  }
  postMessage(request: CountRequest): void {
    this.requests.push(request)
  }
  async terminate(): Promise<void> {
    this.emit('exit')
  }
  answer(index: number, tokens: number): void {
    this.emit('message', { id: this.requests[index]?.id, count: { tokens, atLeast: tokens } })
  }
}

function setUp(options: WorkerTokenCounterOptions = {}) {
  const threads: FakeThread[] = []
  const waits: { run: () => void; delayMs: number }[] = []
  let now = 0
  const counter = new WorkerTokenCounter({
    startThread: () => {
      const thread = new FakeThread()
      threads.push(thread)
      return thread
    },
    timers: {
      now: () => now,
      after: (delayMs, run) => {
        const wait = { delayMs, run }
        waits.push(wait)
        return () => waits.splice(waits.indexOf(wait), 1)
      },
    },
    ...options,
  })
  return { counter, threads, waits, thread: () => threads.at(-1) as FakeThread, advance: (ms: number) => (now += ms) }
}

describe('the counter', () => {
  test('starts one thread, at the first count, and gives each its own answer', async () => {
    const { counter, threads, thread, waits } = setUp()
    expect(threads).toEqual([])
    const first = counter.count({ texts: ['a'], encoding }, open)
    const second = counter.count({ texts: ['b'], encoding }, open)
    thread().answer(1, 20)
    expect(thread().holdsProcess).toBe(true)
    thread().answer(0, 10)
    expect(await first).toEqual({ tokens: 10, atLeast: 10 })
    expect(await second).toEqual({ tokens: 20, atLeast: 20 })
    expect(threads).toHaveLength(1)
    expect(waits).toEqual([])
    expect(thread().holdsProcess).toBe(false)
  })

  test('has no count when too much waits, and again when it is done', async () => {
    const { counter, thread } = setUp({ maxJobs: 2, maxLength: 100 })
    void counter.count({ texts: ['a'], encoding }, open)
    expect(await counter.count({ texts: ['a'.repeat(100)], encoding }, open)).toBeNull()
    void counter.count({ texts: ['a'], encoding }, open)
    expect(await counter.count({ texts: ['a'], encoding }, open)).toBeNull()
    expect(thread().requests).toHaveLength(2)
    thread().answer(0, 1)
    const third = counter.count({ texts: ['a'.repeat(99)], encoding }, open)
    thread().answer(2, 7)
    expect((await third)?.tokens).toBe(7)
  })

  test('has no count after its limit; the job goes on counting towards the bounds', async () => {
    const { counter, thread, waits } = setUp({ maxJobs: 1, limitMs: 5 })
    const count = counter.count({ texts: ['a'], encoding }, open)
    expect(waits.map(({ delayMs }) => delayMs)).toEqual([5])
    waits[0]?.run()
    expect(await count).toBeNull()
    expect(await counter.count({ texts: ['a'], encoding }, open)).toBeNull()
    thread().answer(0, 1)
    const next = counter.count({ texts: ['b'], encoding }, open)
    thread().answer(1, 2)
    expect((await next)?.tokens).toBe(2)
  })

  test('ends with the reason of the signal, before and while it waits', async () => {
    const { counter, threads, waits, thread } = setUp()
    const reason = new Error('gone')
    await expect(counter.count({ texts: ['a'], encoding }, AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(threads).toEqual([])
    const abort = new AbortController()
    const count = counter.count({ texts: ['a'], encoding }, abort.signal)
    abort.abort(reason)
    await expect(count).rejects.toBe(reason)
    expect(waits).toEqual([])
    thread().answer(0, 1)
  })

  test('has no count after a crash, and tries again half a minute later', async () => {
    const { counter, threads, thread, advance } = setUp()
    const count = counter.count({ texts: ['a'], encoding }, open)
    thread().emit('error', new Error('out of memory'))
    thread().emit('exit')
    expect(await count).toBeNull()
    advance(29_999)
    expect(await counter.count({ texts: ['a'], encoding }, open)).toBeNull()
    advance(1)
    const next = counter.count({ texts: ['a'], encoding }, open)
    expect(threads).toHaveLength(2)
    thread().answer(0, 3)
    expect((await next)?.tokens).toBe(3)
  })

  test('has no count where a thread cannot be started', async () => {
    const startThread = () => {
      throw new Error('no threads left')
    }
    const { counter } = setUp({ startThread })
    expect(await counter.count({ texts: ['a'], encoding }, open)).toBeNull()
  })

  test('is closed: what waits has no count, and a later one starts a thread', async () => {
    const { counter, threads, thread } = setUp()
    const count = counter.count({ texts: ['a'], encoding }, open)
    await counter.close()
    expect(await count).toBeNull()
    const next = counter.count({ texts: ['a'], encoding }, open)
    expect(threads).toHaveLength(2)
    thread().answer(0, 3)
    expect((await next)?.tokens).toBe(3)
  })
})

describe('the thread', () => {
  const counter = new WorkerTokenCounter({ limitMs: 60_000 })
  afterAll(() => counter.close())

  test('counts by both vocabularies', async () => {
    const texts = ['Hello, ', 'Übergrößenträger <|endoftext|>']
    for (const name of ['o200k_base', 'cl100k_base'] as const) {
      const tokens = texts.reduce((sum, text) => sum + wholeCount(text, name), 0)
      expect(await counter.count({ texts, encoding: name }, open)).toEqual({ tokens, atLeast: tokens })
    }
  })

  test('keeps the process while it counts, and no longer', () => {
    const file = new URL('../../../src/tokens/worker-token-counter.ts', import.meta.url)
    const program = `
      const { WorkerTokenCounter } = await import(${JSON.stringify(file)})
      // A machine that is busy takes longer for a thread than a request would wait.
      const counter = new WorkerTokenCounter({ limitMs: 50_000 })
      const job = { texts: ['hello world'], encoding: 'o200k_base' }
      console.log((await counter.count(job, new AbortController().signal)).tokens)`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 60_000,
      encoding: 'utf8',
    })
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: '2\n' })
  }, 60_000)

  const mebibyte = 1024 * 1024
  const noise = randomLetters(mebibyte)
  test.each([
    ['letters without sense', noise],
    ['prose', 'The quick brown fox jumps over the lazy dog. '.repeat(mebibyte / 45)],
    ['one letter', 'a'.repeat(mebibyte)],
    ['spaces', ' '.repeat(mebibyte)],
    ['emoji', '😀'.repeat(mebibyte / 4)],
    ['digits', '7'.repeat(mebibyte)],
    ['one Chinese word', '漢'.repeat(mebibyte / 3)],
    ['line ends', '\n'.repeat(mebibyte)],
    ['joiners', '\u200d'.repeat(mebibyte / 3)],
  ])(
    'counts a megabyte of %s, and the event loop never works 50 ms for it',
    { timeout: 60_000 },
    async (_name, text) => {
      const fresh = new WorkerTokenCounter({ limitMs: 60_000 })
      const longestTurn = watchTurns()
      try {
        const count = await fresh.count({ texts: [text], encoding }, open)
        expect(count?.tokens).toBeGreaterThan(mebibyte / 1_000)
        expect(await longestTurn()).toBeLessThan(50)
      } finally {
        await fresh.close()
      }
    },
  )

  test('is worth it: counted here, the loop would wait', async () => {
    const longestTurn = watchTurns()
    await inProcessCounter.count({ texts: [noise], encoding }, open)
    expect(await longestTurn()).toBeGreaterThan(50)
  })
})

/** One word that never repeats: no memory of words helps. */
function randomLetters(length: number): string {
  let state = 1
  const draw = () => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(97 + (state % 26))
  }
  return Array.from({ length }, draw).join('')
}

/**
 * The longest turn of the event loop until it is asked for, in ms of this thread's own work: a busy machine, which lets the
 * whole process wait, does not count.
 */
function watchTurns(): () => Promise<number> {
  let isWatching = true
  let longest = 0
  const used = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  let last = used()
  const watch = () => {
    const now = used()
    longest = Math.max(longest, now - last)
    last = now
    if (isWatching) setTimeout(watch, 1)
  }
  watch()
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    isWatching = false
    return longest
  }
}
