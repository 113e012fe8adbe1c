/**
 * Measures one cell:
 *
 *   start ──► warm up ──► settle ──► window: requests, CPU, event loop ──► work off ──► 100 a second: added latency ──► stop
 *
 * The warm-up runs with a provider that answers at once, so that slow ones too are measured when the code is compiled: from
 * the first thousand requests to the twentieth the CPU time of each falls by a third, in every subject.
 *
 * Requests are fed so that the workers always have enough to do, and no more: what they have not read when the window ends
 * is worked off in about a second. Finished requests are counted where no subject can embellish it, at the provider.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchStack } from './bench-stack.ts'
import { resetLedger } from './bench-stack.ts'
import { type AddedMs, type CellPlan, type CellResult, type CpuMsPerRequest, quantile } from './cells.ts'
import { Feeder } from './feeder.ts'
import { measureAddedMs } from './measure-added.ts'
import { cpuMsOf, peakRssMbOf } from './process-usage.ts'
import { type SubjectProcess, startSubject } from './subject-process.ts'

/** How long the phases last, in ms. */
export interface CellTimes {
  /** The warm-up ends after so many requests, or so long. */
  warmUpCount: number
  warmUpMs: number
  /** Least time between the warm-up and the window; with slow providers two of their answers, if that is longer. */
  settleMs: number
  windowMs: number
  latencyMs: number
}

/** What {@link measureCell} is given. */
export interface MeasureOptions {
  stack: BenchStack
  times: CellTimes
  /** Where the processes under test write CPU profiles when they end; none when null. */
  profileDirectory: string | null
}

/** Measures; nothing of it runs afterwards. */
export async function measureCell(plan: CellPlan, options: MeasureOptions): Promise<CellResult> {
  const { stack, times } = options
  const usesKafka = plan.subject !== 'undici-loop'
  const resources = new AsyncDisposableStack()
  try {
    await resetLedger(stack.sql, plan.ledgerRowCount)
    const groupId = `bench-${randomUUID().slice(0, 8)}`
    const topic = stack.session.topic('requests')
    await forgetEarlierRecords(stack, groupId)
    stack.provider.setLatency(0)
    const { served: servedBefore } = await stack.provider.stats()
    const servedCount = async () => (await stack.provider.stats()).served - servedBefore

    const feeder = await Feeder.open(stack.session.kafka, stack.env, topic)
    resources.defer(() => feeder.close())
    const processes: SubjectProcess[] = []
    resources.defer(async () => {
      await Promise.all(processes.map((process) => process.stop()))
    })
    for (let number = 1; number <= plan.workerCount; number++) {
      processes.push(await startSubject(plan, { ...options, groupId, number }))
    }
    const isPaced = plan.table === 'inFlight'
    let feeding: Feeding | undefined
    resources.defer(async () => {
      await feeding?.stop()
    })
    if (usesKafka) feeding = keepFed(feeder, servedCount, isPaced ? 256 : 2 * plan.inFlight * plan.workerCount)

    await warmUp(plan, times, servedCount)
    if (isPaced) {
      // Thousands of calls that began together would end together, and show the burst instead of the crowd.
      await feeding?.stop()
      await workedOff(feeder, servedCount, 0)
      feeding = keepPace(feeder, (plan.inFlight / plan.upstreamMs) * 1000)
    }
    stack.provider.setLatency(plan.upstreamMs)
    await delay(Math.max(times.settleMs, 2.2 * plan.upstreamMs))
    const window = await measureWindow(plan, processes, { stack, servedCount, windowMs: times.windowMs })
    let addedMs: AddedMs | null = null
    const canKeepUp = plan.upstreamMs === 0 || (plan.inFlight / plan.upstreamMs) * 1000 > 100
    if (plan.withLatency && canKeepUp) {
      await feeding?.stop()
      if (!usesKafka) addedMs = percentilesOf(await processes[0]?.pace(times.latencyMs / 1000))
      else if (await workedOff(feeder, servedCount, plan.upstreamMs)) {
        addedMs = percentilesOf(
          await measureAddedMs({ stack, feeder, durationMs: times.latencyMs, upstreamMs: plan.upstreamMs }),
        )
      }
    }
    const rssMb = Math.max(...processes.map(({ pid }) => peakRssMbOf(pid)))
    const { withLatency: _, ...cell } = plan
    return { ...cell, ...window, addedMs, rssMb }
  } finally {
    await resources.disposeAsync()
  }
}

/** The group begins at the end of the topic, and what earlier cells left in the log goes. */
async function forgetEarlierRecords({ session }: BenchStack, groupId: string): Promise<void> {
  const admin = session.kafka.admin()
  await admin.connect()
  try {
    for (const role of ['requests', 'completions', 'performance'] as const) {
      const topic = session.topic(role)
      const ends = await admin.fetchTopicOffsets(topic)
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
      if (role === 'requests') await admin.setOffsets({ groupId, topic, partitions })
      await admin.deleteTopicRecords({ topic, partitions })
    }
  } finally {
    await admin.disconnect()
  }
}

interface Feeding {
  stop(): Promise<void>
}

/** Keeps at least `least` requests, and what is served in half a second, ahead of the provider's count. */
function keepFed(feeder: Feeder, servedCount: () => Promise<number>, least: number): Feeding {
  let last = { at: performance.now(), served: 0, rate: 0 }
  return repeat(async () => {
    const served = await servedCount()
    const at = performance.now()
    const rate = ((served - last.served) / (at - last.at)) * 1000
    last = { at, served, rate: Math.max(rate, last.rate * 0.9) }
    const missing = Math.ceil(served + least + last.rate / 2 - feeder.sentCount)
    if (missing > 0) await feeder.send(Math.min(missing, 20_000))
  }, 100)
}

/** Sends so many requests a second, evenly. */
function keepPace(feeder: Feeder, ratePerSecond: number): Feeding {
  const begun = { at: performance.now(), sentCount: feeder.sentCount }
  return repeat(async () => {
    const due = ((performance.now() - begun.at) / 1000) * ratePerSecond
    await feeder.send(Math.floor(begun.sentCount + due - feeder.sentCount))
  }, 20)
}

function repeat(run: () => Promise<void>, everyMs: number): Feeding {
  let isStopping = false
  const loop = async () => {
    while (!isStopping) {
      await run()
      await delay(everyMs)
    }
  }
  const running = loop()
  running.catch(() => {})
  return {
    stop: async () => {
      isStopping = true
      await running
    },
  }
}

async function warmUp(plan: CellPlan, times: CellTimes, servedCount: () => Promise<number>): Promise<void> {
  const startedAt = performance.now()
  for (;;) {
    const served = await servedCount()
    const tookMs = performance.now() - startedAt
    if (served >= times.warmUpCount || (tookMs >= times.warmUpMs && served > 0)) return
    if (tookMs > times.warmUpMs + 60_000) throw new Error(`${plan.subject} served nothing`)
    await delay(100)
  }
}

interface WindowOptions {
  stack: BenchStack
  servedCount: () => Promise<number>
  windowMs: number
}

async function measureWindow(plan: CellPlan, processes: readonly SubjectProcess[], options: WindowOptions) {
  const { stack, servedCount, windowMs } = options
  const pids = processes.map(({ pid }) => pid)
  const usage = () => ({
    worker: cpuMsOf(pids),
    postgres: cpuMsOf([stack.pids.postgres]),
    broker: cpuMsOf([stack.pids.broker]),
  })
  await processes[0]?.loopDelay()
  const servedFrom = await servedCount()
  const before = usage()
  const from = performance.now()
  const open: number[] = []
  while (performance.now() - from < windowMs) {
    open.push((await stack.provider.stats()).open)
    await delay(250)
  }
  const after = usage()
  const seconds = (performance.now() - from) / 1000
  const served = (await servedCount()) - servedFrom
  const loopDelayMs = (await processes[0]?.loopDelay()) ?? { p50: 0, p99: 0, max: 0 }
  const per = (whose: keyof CpuMsPerRequest) => (after[whose] - before[whose]) / Math.max(served, 1)
  const usesDatabase = plan.subject === 'full' || plan.subject === 'at-least-once'
  return {
    requestsPerSecond: served / seconds,
    cpuMsPerRequest: {
      worker: per('worker'),
      postgres: usesDatabase ? per('postgres') : 0,
      broker: plan.subject === 'undici-loop' ? 0 : per('broker'),
    },
    loopDelayMs,
    meanOpenCalls: open.reduce((sum, count) => sum + count, 0) / open.length,
  }
}

/** Waits until everything sent was served; false when that takes too long. */
async function workedOff(feeder: Feeder, servedCount: () => Promise<number>, upstreamMs: number): Promise<boolean> {
  for (const deadline = performance.now() + 20_000 + 2 * upstreamMs; performance.now() < deadline; await delay(50)) {
    if ((await servedCount()) >= feeder.sentCount) {
      await delay(300)
      return true
    }
  }
  return false
}

function percentilesOf(added: readonly number[] | null | undefined): AddedMs | null {
  if (added == null || added.length === 0) return null
  return { p50: quantile(added, 0.5), p95: quantile(added, 0.95), p99: quantile(added, 0.99) }
}
