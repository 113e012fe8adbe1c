/**
 * Counts in a thread of its own, because the event loop must not wait: loading a vocabulary takes half a second, and a
 * megabyte of text up to one more.
 *
 *   idle ──count──► running ──crash──► broken ──30 s──► idle
 *
 * The thread starts at the first count and then stays (60 MB with a vocabulary); it keeps the process alive only while it
 * counts. What waits is bounded in number, size and time: beyond, the answer is null, and callers go on without a count. A job whose caller has
 * gone is still counted, as there is no way to stop it, but nobody waits for it.
 */
import { Worker } from 'node:worker_threads'
import { keepAliveTimers } from '../model-service/keep-alive-timers.ts'
import type { Timers } from '../model-service/ports/timers.ts'
import type { TokenCount } from './count-tokens.ts'
import type { TokenCounter, TokenJob } from './token-counter.ts'
import type { CountAnswer, CountRequest } from './token-worker.ts'

/** The part of a thread that is used. */
export interface CountingThread {
  postMessage(request: CountRequest): void
  terminate(): Promise<unknown>
  ref(): void
  unref(): void
  on(event: 'message', listener: (answer: CountAnswer) => void): unknown
  on(event: 'error' | 'exit', listener: () => void): unknown
}

/** Bounds; all have defaults. */
export interface WorkerTokenCounterOptions {
  startThread?: () => CountingThread
  timers?: Timers
  /** Longest wait for a count, in ms; default 2,000. */
  limitMs?: number
  /** Most jobs that wait; default 64. */
  maxJobs?: number
  /** Most UTF-16 units that wait; default 16 Mi. */
  maxLength?: number
}

interface PendingJob {
  length: number
  settle(count: TokenCount | null): void
}

/** After a crash the thread is not started anew for so long. */
const pauseAfterCrashMs = 30_000

/** See the head of this file. */
export class WorkerTokenCounter implements TokenCounter {
  readonly #startThread: () => CountingThread
  readonly #timers: Timers
  readonly #limitMs: number
  readonly #maxJobs: number
  readonly #maxLength: number
  readonly #pending = new Map<number, PendingJob>()
  #thread: CountingThread | null = null
  #nextId = 1
  #pendingLength = 0
  #brokenUntil = Number.NEGATIVE_INFINITY

  constructor(options: WorkerTokenCounterOptions = {}) {
    this.#startThread = options.startThread ?? startThread
    this.#timers = options.timers ?? keepAliveTimers
    this.#limitMs = options.limitMs ?? 2_000
    this.#maxJobs = options.maxJobs ?? 64
    this.#maxLength = options.maxLength ?? 16 * 1024 * 1024
  }

  count({ texts, encoding }: TokenJob, signal: AbortSignal): Promise<TokenCount | null> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const length = texts.reduce((sum, text) => sum + text.length, 0)
    const isFull = this.#pending.size >= this.#maxJobs || this.#pendingLength + length > this.#maxLength
    const thread = isFull ? null : this.#running()
    if (thread === null) return Promise.resolve(null)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const stopWaiting = () => {
        cancelLimit()
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = () => {
        stopWaiting()
        reject(signal.reason)
      }
      const settle = (count: TokenCount | null) => {
        stopWaiting()
        resolve(count)
      }
      const cancelLimit = this.#timers.after(this.#limitMs, () => settle(null))
      signal.addEventListener('abort', onAbort, { once: true })
      // It stays among those that wait until the thread is done with it, so that the bounds hold for the thread's own queue.
      this.#pending.set(id, { length, settle })
      this.#pendingLength += length
      thread.ref()
      thread.postMessage({ id, texts, encoding })
    })
  }

  /** Ends the thread; counts under way give null. It may be used again. */
  async close(): Promise<void> {
    const thread = this.#thread
    this.#thread = null
    this.#settleAll()
    await thread?.terminate()
  }

  #running(): CountingThread | null {
    if (this.#thread !== null || this.#timers.now() < this.#brokenUntil) return this.#thread
    const thread = this.#startedThread()
    if (thread === null) return null
    this.#thread = thread
    const onEnd = () => {
      if (this.#thread !== thread) return
      this.#thread = null
      this.#rest()
      this.#settleAll()
    }
    thread.on('error', onEnd)
    thread.on('exit', onEnd)
    thread.on('message', ({ id, count }) => this.#settle(id, count))
    // Only now: a listener for messages takes its hold on the process back.
    thread.unref()
    return thread
  }

  #startedThread(): CountingThread | null {
    try {
      return this.#startThread()
    } catch {
      this.#rest()
      return null
    }
  }

  #rest(): void {
    this.#brokenUntil = this.#timers.now() + pauseAfterCrashMs
  }

  #settle(id: number, count: TokenCount | null): void {
    const job = this.#pending.get(id)
    if (job === undefined) return
    this.#pending.delete(id)
    this.#pendingLength -= job.length
    if (this.#pending.size === 0) this.#thread?.unref()
    job.settle(count)
  }

  #settleAll(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, null)
  }
}

let shared: WorkerTokenCounter | null = null

/** The counter of the process: one thread, one copy of each vocabulary. */
export function sharedTokenCounter(): TokenCounter {
  shared ??= new WorkerTokenCounter()
  return shared
}

function startThread(): CountingThread {
  // From the sources and from the build alike: what is started has the ending of this file.
  const file = import.meta.url.endsWith('.ts') ? './token-worker.ts' : './token-worker.js'
  return new Worker(new URL(file, import.meta.url), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  })
}
