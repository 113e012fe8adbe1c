import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../../src/stack/free-port.ts'
import { root } from '../run-step.ts'

/** A worker in a process of its own. */
export interface WorkerProcess {
  pid: number
  /** Base address of `/livez` and `/readyz`. */
  healthUrl: string
  /** Path of its log, JSON lines. */
  log: string
  /** Resolves with the exit code, or 128 and the number of the signal, once it has ended. */
  ended: Promise<number>
  /** Resolves when it is ready; rejects, with the end of its log, when it ended first or took too long. */
  ready(timeoutMs?: number): Promise<void>
  /** Sends a signal (default SIGTERM) and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number>
}

/** Variables that a child may have from us: what finds programs, the network and compiled code, never addresses or keys of the user's. */
const inherited = /^(PATH|HOME|TMPDIR|LANG|LC_.*|TZ|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE)$/i

/** Starts `model-service worker` from the sources. `detached` workers outlive this process. */
export async function startWorker(options: {
  env: Record<string, string>
  log: string
  detached?: boolean
}): Promise<WorkerProcess> {
  const healthPort = options.env['HEALTH_PORT'] ?? String(await freePort())
  mkdirSync(dirname(options.log), { recursive: true })
  const output = openSync(options.log, 'w')
  const env: Record<string, string> = { HEALTH_PORT: healthPort, ...options.env }
  for (const [name, value] of Object.entries(process.env)) {
    if (inherited.test(name) && value !== undefined) env[name] ??= value
  }
  const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), 'worker'], {
    cwd: root,
    env,
    stdio: ['ignore', output, output],
    detached: options.detached ?? false,
  })
  closeSync(output)
  if (options.detached === true) child.unref()
  const ended = endOf(child)
  const healthUrl = `http://127.0.0.1:${healthPort}`
  return {
    pid: child.pid ?? 0,
    healthUrl,
    log: options.log,
    ended,
    ready: (timeoutMs = 60_000) => untilReady(healthUrl, ended, options.log, timeoutMs),
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return await ended
    },
  }
}

async function untilReady(healthUrl: string, ended: Promise<number>, log: string, timeoutMs: number): Promise<void> {
  let code: number | undefined
  void ended.then((exitCode) => {
    code = exitCode
  })
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (code !== undefined) throw new Error(`the worker ended with ${code}:\n${lastLines(log)}`)
    const answer = await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok === true) return
    await delay(50)
  }
  throw new Error(`the worker was not ready within ${timeoutMs} ms:\n${lastLines(log)}`)
}

function lastLines(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n')
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(1))
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
  })
}
