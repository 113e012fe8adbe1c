/**
 * The life of one stack: what was started, how it is written down, and how all of it ends.
 *
 * Every process leads its own group. Who ends it, by the way this process goes:
 * - {@link StackSession.stop}, also on a failed start and on SIGINT or SIGTERM when nobody else handles them: politely, SIGKILL after 15 s;
 * - an exit of this process: at once, in the exit handler;
 * - SIGKILL of this process: the guard, a small shell that reads our pipe and acts at its end;
 * - both killed, or a detached start cut off: whoever next starts a stack in the directory finds them in state.json.
 * A detached stack, once it is up, is let go of: no handlers, no guard.
 *
 * Longer than most files because starting, noting and ending a process cannot be told apart from each other.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess, endProcessGroup, STOP_GRACE_MS, type StopSignal } from './end-process.ts'
import { endStack, RUN_PREFIX, removeStackFiles } from './end-stack.ts'
import { identify, isAlive } from './process-identity.ts'
import { throwIfAborted } from './run-command.ts'
import type { StackAddresses } from './stack-addresses.ts'
import { StackError } from './stack-error.ts'
import type { StackOptions } from './stack-options.ts'
import { type PartState, type StackState, writeState } from './stack-state.ts'

/** One try at starting a part. */
export interface PartLaunch {
  file: string
  args: readonly string[]
  cwd?: string
  env?: NodeJS.ProcessEnv
  uid?: number
  gid?: number
  address: string
  archive?: { temporary: string; final: string }
  /** Resolves when the part does its work; rejects or resolves false when it does not yet. Asked again and again. */
  isReady: () => Promise<boolean>
}

/** A process to start. */
export interface PartPlan {
  name: string
  source: PartState['source']
  stopSignal: StopSignal
  readyTimeoutMs: number
  /** Chooses ports and builds the command; called for each of up to three tries, numbered from 1. */
  launch(attempt: number): Promise<PartLaunch>
}

const START_ATTEMPTS = 3
const READY_POLL_MS = 40
const EXIT_WAIT_MS = 2_000
const RESTART_PAUSE_MS = 500

// Each line replaces the list "SIGNAL:pid SIGNAL:pid"; at the end of input its groups are asked to end, later killed.
const GUARD_SCRIPT = `
list=
while read -r line; do list=$line; done
[ -z "$list" ] && exit 0
for entry in $list; do kill -s "\${entry%%:*}" -- "-\${entry#*:}" 2>/dev/null; done
sleep ${STOP_GRACE_MS / 1000}
for entry in $list; do kill -s KILL -- "-\${entry#*:}" 2>/dev/null; done
`

export class StackSession {
  readonly options: StackOptions
  readonly state: StackState
  /** Aborted when the caller's signal is, or a signal of the system ends the start. */
  readonly signal: AbortSignal
  readonly #runFolder = `${RUN_PREFIX}${randomBytes(4).toString('hex')}`
  readonly #abort = new AbortController()
  readonly #processes = new Map<number, ChildProcess>()
  /** What each part was started with, so that it can be started again. */
  readonly #started = new Map<string, { plan: PartPlan; launch: PartLaunch }>()
  #guard: ChildProcess | undefined
  #isWatching = true
  #stopping: Promise<void> | undefined

  constructor(options: StackOptions, state: StackState) {
    this.options = options
    this.state = state
    this.signal =
      options.signal === undefined ? this.#abort.signal : AbortSignal.any([options.signal, this.#abort.signal])
    rmSync(this.logDirectory, { recursive: true, force: true })
    mkdirSync(this.logDirectory, { recursive: true })
    process.on('exit', this.#exitNow)
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
    if (!options.detached) this.#startGuard()
  }

  get logDirectory(): string {
    return path.join(this.options.dataDirectory, 'logs')
  }

  /** A folder for a part's data, made when missing. */
  dataFolder(part: string): string {
    const folder = path.join(this.options.dataDirectory, this.#runFolder, part)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  progress(part: string, message: string, fraction?: number): void {
    this.options.onProgress({ part, message, ...(fraction === undefined ? {} : { fraction }) })
  }

  /** Notes something used that is not a process of ours. */
  note(part: PartState): void {
    this.state.parts.push(part)
    this.#write()
  }

  /** A directory elsewhere that goes when the stack goes. */
  noteForeignDirectory(directory: string): void {
    this.state.foreignDirectories.push(directory)
    this.#write()
  }

  /** Notes the Compose project, before it exists. */
  noteComposeProject(project: string): void {
    this.state.composeProject = project
    this.#write()
  }

  /**
   * Starts a part and waits until it is ready, up to three times: a port may be taken between choosing and binding.
   * @throws STACK_PART_FAILED
   * @throws STACK_ABORTED
   */
  async start(plan: PartPlan): Promise<PartLaunch> {
    const begun = performance.now()
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(this.signal)
      const launch = await plan.launch(attempt)
      throwIfAborted(this.signal)
      const failure = await this.#tryStart(plan, launch)
      if (failure === undefined) {
        this.#started.set(plan.name, { plan, launch })
        this.progress(
          plan.name,
          `ready at ${launch.address} after ${((performance.now() - begun) / 1000).toFixed(1)} s`,
        )
        return launch
      }
      if (attempt === START_ATTEMPTS) throw failure
      this.progress(plan.name, `attempt ${attempt} failed, trying again`)
    }
  }

  /**
   * Ends the process of a part that this session started, by a signal of the caller's choice, and waits until it is gone.
   * @throws STACK_PART_FAILED
   */
  async kill(name: string, signal: NodeJS.Signals): Promise<void> {
    const identity = this.state.parts.find((part) => part.name === name)?.process
    if (identity === undefined || !this.#started.has(name)) throw notStartedHere(name)
    endProcessGroup(identity.pid, signal)
    const deadline = performance.now() + STOP_GRACE_MS
    while (isAlive(identity)) {
      if (performance.now() > deadline) {
        throw new StackError('STACK_PART_FAILED', `${name} did not end within ${STOP_GRACE_MS} ms of ${signal}.`, '')
      }
      await sleep(READY_POLL_MS)
    }
  }

  /**
   * Starts a part that has ended again, with the same port and data, and waits until it is ready. Tried up to three
   * times: what a killed server leaves behind may hold its port or its files for a moment.
   * @throws STACK_PART_FAILED
   */
  async restart(name: string): Promise<void> {
    const started = this.#started.get(name)
    if (started === undefined) throw notStartedHere(name)
    this.state.parts = this.state.parts.filter((part) => part.name !== name)
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#tryStart(started.plan, started.launch)
      if (failure === undefined) return
      if (attempt === START_ATTEMPTS) throw failure
      await sleep(RESTART_PAUSE_MS)
    }
  }

  /** The whole stack is up. A detached one is let go of. */
  running(addresses: StackAddresses): void {
    this.state.phase = 'running'
    this.state.addresses = addresses
    this.#write()
    if (this.options.detached) this.#letGo()
  }

  /** Lets every step under way fail with STACK_ABORTED; nothing more is started. */
  abort(): void {
    this.#abort.abort()
  }

  /** Ends everything that was started and gives the directory free. Repeated calls get the same promise. */
  stop(): Promise<void> {
    this.#abort.abort()
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    try {
      await endStack(this.options.dataDirectory, this.state, (part, message) => this.progress(part, message))
    } finally {
      this.#letGo()
    }
  }

  async #tryStart(plan: PartPlan, launch: PartLaunch): Promise<StackError | undefined> {
    const log = path.join(this.logDirectory, `${plan.name}.log`)
    const output = openSync(log, 'a', 0o600)
    const logStart = readFileSync(log).length
    let ended: string | undefined
    const child = spawn(launch.file, launch.args, {
      detached: true,
      stdio: ['ignore', output, output],
      ...(launch.cwd === undefined ? {} : { cwd: launch.cwd }),
      ...(launch.env === undefined ? {} : { env: launch.env }),
      ...(launch.uid === undefined ? {} : { uid: launch.uid }),
      ...(launch.gid === undefined ? {} : { gid: launch.gid }),
    })
    closeSync(output)
    child.once('error', (error) => {
      ended = `could not be started: ${error.message}`
    })
    child.once('exit', (code, signal) => {
      ended = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
      if (child.pid !== undefined) this.#processes.delete(child.pid)
      this.#tellGuard()
      if (this.#isWatching && this.state.phase === 'running' && this.#stopping === undefined) {
        this.progress(plan.name, `${ended} while the stack was running; see ${log}`)
      }
    })
    child.unref()
    const identity = child.pid === undefined ? undefined : identify(child.pid)
    if (child.pid !== undefined) this.#processes.set(child.pid, child)
    const part: PartState = {
      name: plan.name,
      source: plan.source,
      address: launch.address,
      stopSignal: plan.stopSignal,
      log,
      ...(identity === undefined ? {} : { process: identity }),
      ...(launch.archive === undefined ? {} : { archive: launch.archive }),
    }
    this.note(part)
    this.#tellGuard()
    const deadline = performance.now() + plan.readyTimeoutMs
    while (ended === undefined && !this.signal.aborted && performance.now() < deadline) {
      const isReady = await launch.isReady().catch(() => false)
      // Ours may have ended because somebody else has the port: then it was theirs that answered.
      if (isReady && ended === undefined) return undefined
      await sleep(READY_POLL_MS)
    }
    // An aborted start leaves it in the state: stop() ends all of it at once.
    throwIfAborted(this.signal)
    if (identity !== undefined) await endProcess(identity, { signal: plan.stopSignal, graceMs: 2_000 })
    this.state.parts = this.state.parts.filter((other) => other !== part)
    this.#write()
    const how = ended ?? `did not answer within ${plan.readyTimeoutMs / 1000} s`
    const tail = readFileSync(log).subarray(logStart).toString('utf8').trim().split('\n').slice(-12).join('\n')
    return new StackError('STACK_PART_FAILED', `${plan.name} ${how}.\n${tail}`, `The whole log: ${log}`)
  }

  #write(): void {
    writeState(this.options.dataDirectory, this.state)
  }

  #startGuard(): void {
    const guard = spawn('/bin/sh', ['-c', GUARD_SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    guard.once('error', () => {})
    guard.stdin.on('error', () => {})
    guard.unref()
    if ('unref' in guard.stdin && typeof guard.stdin.unref === 'function') guard.stdin.unref()
    this.#guard = guard
  }

  #tellGuard(): void {
    const list = this.#ownProcesses().map(({ pid, signal }) => `${signal.slice(3)}:${pid}`)
    this.#guard?.stdin?.write(`${list.join(' ')}\n`)
  }

  #ownProcesses(): { pid: number; signal: StopSignal }[] {
    return this.state.parts.flatMap((part) =>
      part.process !== undefined && this.#processes.has(part.process.pid)
        ? [{ pid: part.process.pid, signal: part.stopSignal ?? 'SIGTERM' }]
        : [],
    )
  }

  #letGo(): void {
    this.#isWatching = false
    process.off('exit', this.#exitNow)
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
    this.#guard?.stdin?.end('\n')
    this.#guard = undefined
  }

  readonly #exitNow = (): void => {
    const processes = this.#ownProcesses()
    for (const { pid, signal } of processes) {
      // SIGQUIT makes PostgreSQL end at once and still release its shared memory; SIGKILL would leave that behind.
      endProcessGroup(pid, signal === 'SIGINT' ? 'SIGQUIT' : 'SIGKILL')
    }
    // An exit handler cannot await, and files of a server that still writes come back after their removal.
    const deadline = performance.now() + EXIT_WAIT_MS
    const clock = new Int32Array(new SharedArrayBuffer(4))
    while (processes.some(({ pid }) => identify(pid) !== undefined) && performance.now() < deadline) {
      Atomics.wait(clock, 0, 0, READY_POLL_MS)
    }
    removeStackFiles(this.options.dataDirectory, this.state)
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    // Whoever else listens decides when this process ends; the exit handler then does the rest.
    if (process.listenerCount(signal) > 1) return
    // Asked again while it is being polite: at once, by the exit handler.
    if (this.#stopping !== undefined) process.exit(signal === 'SIGINT' ? 130 : 143)
    void this.stop()
      .catch(() => {})
      .finally(() => process.kill(process.pid, signal))
  }
}

function notStartedHere(name: string): StackError {
  return new StackError('STACK_PART_FAILED', `The stack of this process has no ${name} of its own.`, '')
}
