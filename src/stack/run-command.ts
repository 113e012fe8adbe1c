import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { endProcessGroup } from './end-process.ts'
import { StackError } from './stack-error.ts'

/** A command to run to its end. */
export interface Command {
  file: string
  args: readonly string[]
  cwd?: string
  /** Whole environment. Default: ours. */
  env?: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  /** Each line of either stream, as it comes. */
  onLine?: (line: string) => void
  signal?: AbortSignal
  /** After this long the command is killed and counts as failed. */
  timeoutMs: number
}

/** How a command ended. `code` is null when a signal ended it or it could not be started. */
export interface CommandResult {
  code: number | null
  stdout: string
  stderr: string
  /** Why it could not be started: `ENOENT` when there is no such program. */
  spawnError?: string
  timedOut: boolean
}

/** As much of the output as is kept, the end of it. */
const KEPT_CHARACTERS = 64 * 1024

/**
 * Runs a command and tells how it ended; a failing one is a result, not an error.
 * @throws STACK_ABORTED
 */
export async function runCommand(command: Command): Promise<CommandResult> {
  throwIfAborted(command.signal)
  const child = spawn(command.file, command.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own group, so that what it starts in turn ends with it.
    detached: true,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...(command.env === undefined ? {} : { env: command.env }),
    ...(command.uid === undefined ? {} : { uid: command.uid }),
    ...(command.gid === undefined ? {} : { gid: command.gid }),
  })
  const result: CommandResult = { code: null, stdout: '', stderr: '', timedOut: false }
  collect(child.stdout, command.onLine, (line) => {
    result.stdout = `${result.stdout}${line}\n`.slice(-KEPT_CHARACTERS)
  })
  collect(child.stderr, command.onLine, (line) => {
    result.stderr = `${result.stderr}${line}\n`.slice(-KEPT_CHARACTERS)
  })
  const kill = (): void => {
    if (child.pid !== undefined) endProcessGroup(child.pid, 'SIGKILL')
  }
  const timer = setTimeout(() => {
    result.timedOut = true
    kill()
  }, command.timeoutMs)
  command.signal?.addEventListener('abort', kill)
  // Our own end, however orderly, must not leave a download running.
  process.on('exit', kill)
  try {
    await new Promise<void>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        result.spawnError = error.code ?? error.message
        resolve()
      })
      child.once('close', (code) => {
        result.code = code
        resolve()
      })
    })
  } finally {
    clearTimeout(timer)
    command.signal?.removeEventListener('abort', kill)
    process.off('exit', kill)
  }
  throwIfAborted(command.signal)
  return result
}

/** @throws STACK_ABORTED */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new StackError('STACK_ABORTED', 'The start of the local stack was aborted.', '', signal.reason)
}

/** The last lines of what a command said, for an error message. */
export function lastLines(result: CommandResult, count = 12): string {
  if (result.spawnError !== undefined) return `It could not be started: ${result.spawnError}.`
  const text = result.stderr.trim() === '' ? result.stdout : result.stderr
  const lines = text.trim().split('\n').slice(-count).join('\n')
  return result.timedOut ? `It took too long and was ended.\n${lines}` : lines
}

function collect(stream: Readable, onLine: ((line: string) => void) | undefined, keep: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    keep(line)
    onLine?.(line)
  })
}
