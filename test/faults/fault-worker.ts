import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { WorkerMessage } from './worker-main.ts'

/** A worker of the fault suite, in a process of its own. */
export interface FaultWorker {
  readonly name: string
  readonly pid: number
  /** Path of its log, JSON lines. */
  readonly log: string
  /** Resolves with the exit code, or 128 and the number of the signal, once it has ended. */
  readonly ended: Promise<number>
  readonly hasEnded: boolean
  readonly hasServed: boolean
  /** Whether it was asked to end. */
  readonly isLeaving: boolean
  /** Resolves when it serves; rejects, with the end of its log, when it ended first or took too long. */
  serves(timeoutMs?: number): Promise<void>
  signal(signal: NodeJS.Signals): void
}

const program = fileURLToPath(new URL('./worker-main.ts', import.meta.url))

/** Variables that a worker has from us: what finds programs and the network, never addresses or keys of the user's. */
const inherited = /^(PATH|HOME|TMPDIR|LANG|LC_.*|TZ)$/

const living = new Set<ChildProcess>()
// Stopped processes would outlive this one.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

/** Starts a worker. `onStopsItself` hears of a planned SIGSTOP just before it. */
export function startFaultWorker(options: {
  name: string
  env: Record<string, string>
  log: string
  onStopsItself(point: string): void
}): FaultWorker {
  const { name, log } = options
  const env = { ...options.env }
  for (const [variable, value] of Object.entries(process.env)) {
    if (inherited.test(variable) && value !== undefined) env[variable] ??= value
  }
  const output = openSync(log, 'a')
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', output, output, 'ipc'] })
  closeSync(output)
  living.add(child)
  let hasEnded = false
  let hasServed = false
  let isLeaving = false
  const serving = Promise.withResolvers<void>()
  serving.promise.catch(() => {})
  const ended = new Promise<number>((resolve) => {
    const finish = (code: number) => {
      hasEnded = true
      living.delete(child)
      serving.reject(new Error(`${name} ended with ${code} before it served:\n${lastLines(log)}`))
      resolve(code)
    }
    child.once('error', () => finish(1))
    child.once('exit', (code, signal) => finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })
  child.on('message', (message: WorkerMessage) => {
    switch (message.kind) {
      case 'serves':
        hasServed = true
        serving.resolve()
        break
      case 'stops-itself':
        options.onStopsItself(message.point)
        break
      default:
        message satisfies never
    }
  })
  return {
    name,
    pid: child.pid ?? 0,
    log,
    ended,
    get hasEnded() {
      return hasEnded
    },
    get hasServed() {
      return hasServed
    },
    get isLeaving() {
      return isLeaving
    },
    async serves(timeoutMs = 60_000) {
      const timer = setTimeout(
        () => serving.reject(new Error(`${name} did not serve within ${timeoutMs} ms:\n${lastLines(log)}`)),
        timeoutMs,
      )
      try {
        await serving.promise
      } finally {
        clearTimeout(timer)
      }
    },
    signal(signal) {
      if (signal === 'SIGTERM') isLeaving = true
      child.kill(signal)
    },
  }
}

function lastLines(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
}
