import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { startWorker } from '../scripts/quickstart/start-worker.ts'
import { root } from '../scripts/run-step.ts'
import type { BenchStack } from './bench-stack.ts'
import { type CellPlan, partitionCount } from './cells.ts'
import { until } from './until.ts'

/** Percentiles of how late an event loop was, in ms. */
export interface LoopDelay {
  p50: number
  p99: number
  max: number
}

/** A process under test. */
export interface SubjectProcess {
  pid: number
  /** Path of what it wrote. */
  log: string
  /** The percentiles since the last call. */
  loopDelay(): Promise<LoopDelay>
  /** Asks `undici-loop` to go at 100 calls a second, and gives what each took beyond the provider's time, in ms. */
  pace(seconds: number): Promise<number[]>
  stop(): Promise<void>
}

/** Starts one process of the subject of a cell; resolves when it is there, not yet when it serves. */
export async function startSubject(
  plan: CellPlan,
  {
    stack,
    groupId,
    number,
    profileDirectory,
  }: { stack: BenchStack; groupId: string; number: number; profileDirectory: string | null },
): Promise<SubjectProcess> {
  const delayFile = join(stack.directory, `loop-delay-${number}.json`)
  rmSync(delayFile, { force: true })
  const profiling = profileDirectory === null ? '' : ` --cpu-prof --cpu-prof-dir=${profileDirectory}`
  const common = {
    BENCH_LOOP_DELAY_FILE: delayFile,
    NODE_OPTIONS: `--import ${pathToFileURL(join(root, 'bench/preload/event-loop-delay.ts')).href}${profiling}`,
  }
  const log = join(stack.directory, `${plan.subject}-${number}.log`)
  const started =
    plan.subject === 'full' || plan.subject === 'at-least-once'
      ? await startWorkerOf(plan, { stack, groupId, common, log })
      : startLoop(plan, { stack, groupId, common, log })
  return {
    log,
    ...started,
    async loopDelay() {
      rmSync(delayFile, { force: true })
      process.kill(started.pid, 'SIGUSR2')
      return await until(() => readJson<LoopDelay>(delayFile), 'the process under test to tell how late its loop was')
    },
  }
}

interface Starting {
  stack: BenchStack
  groupId: string
  common: Record<string, string>
  log: string
}

async function startWorkerOf(plan: CellPlan, { stack, groupId, common, log }: Starting) {
  const worker = await startWorker({
    env: {
      ...stack.env,
      ...common,
      KAFKA_GROUP_ID: groupId,
      DELIVERY_MODE: plan.subject === 'full' ? 'ledger' : 'at-least-once',
      MAX_CONCURRENT_REQUESTS_COUNT: String(plan.inFlight),
      WINDOW_COUNT: String(Math.max(1_000, Math.ceil(1.2 * plan.inFlight))),
    },
    log,
  })
  await worker.ready()
  return {
    pid: worker.pid,
    pace: notPaced,
    stop: async () => {
      await worker.stop()
    },
  }
}

function startLoop(plan: CellPlan, { stack, groupId, common, log }: Starting) {
  mkdirSync(stack.directory, { recursive: true })
  const errors = openSync(log, 'w')
  const child = spawn(process.execPath, [join(root, `bench/loops/${plan.subject}.ts`)], {
    cwd: root,
    stdio: ['pipe', 'pipe', errors],
    env: {
      PATH: process.env['PATH'],
      ...common,
      BENCH_BROKERS: stack.env['KAFKA_BROKERS'],
      BENCH_SCHEMA_REGISTRY_URL: stack.env['SCHEMA_REGISTRY_URL'],
      BENCH_GROUP_ID: groupId,
      BENCH_REQUESTS_TOPIC: stack.session.topic('requests'),
      BENCH_RESULTS_TOPIC: stack.session.topic('completions'),
      BENCH_PROVIDER_URL: stack.provider.baseUrl,
      BENCH_IN_FLIGHT: String(plan.inFlight),
      BENCH_PARTITION_COUNT: String(partitionCount),
    },
  })
  closeSync(errors)
  let written = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    written += text
  })
  return {
    pid: child.pid ?? 0,
    pace: async (seconds: number) => {
      child.stdin?.write(`pace ${seconds}\n`)
      return await until(
        () => (written.endsWith('\n') ? (JSON.parse(written) as number[]) : undefined),
        'the loop to tell its latencies',
        (seconds + 30) * 1000,
      )
    },
    stop: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

function notPaced(): Promise<number[]> {
  return Promise.reject(new Error('a worker is paced by what is sent to it'))
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined
  }
}
