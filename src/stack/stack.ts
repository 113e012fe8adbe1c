/**
 * The local stack: Kafka, a schema registry, PostgreSQL and models on this machine, for the quickstart, the tests and
 * `model-service stack up|down|status`. Everything listens on 127.0.0.1 and is thrown away at the end.
 * Longer than most files because this is the whole of what others see of the stack.
 */
import pg from 'pg'
import { startCompose } from './compose.ts'
import { endStack } from './end-stack.ts'
import { portAnswers } from './free-port.ts'
import { brokerWorks, startKafka } from './kafka.ts'
import { checkPlatform } from './platform.ts'
import { startPostgres } from './postgres.ts'
import { identify, isAlive } from './process-identity.ts'
import { throwIfAborted } from './run-command.ts'
import { startSchemaRegistry } from './schema-registry.ts'
import type { StackAddresses } from './stack-addresses.ts'
import { StackError } from './stack-error.ts'
import { resolveStackOptions, type StackOptions } from './stack-options.ts'
import { StackSession } from './stack-session.ts'
import { createState, judgeState, type PartState, readState, removeState, type StackState } from './stack-state.ts'
import { startModels } from './start-models.ts'

export { ensureFastavro } from './fastavro.ts'
export { checkPlatform } from './platform.ts'
export {
  type ModelEndpoint,
  type ModelKind,
  modelKinds,
  type StackAddresses,
} from './stack-addresses.ts'
export { StackError, type StackErrorCode, stackErrorCodes } from './stack-error.ts'
export {
  defaultCacheDirectory,
  defaultDataDirectory,
  resolveStackOptions,
  type StackBackend,
  type StackOptions,
  type StackProgress,
  stackBackends,
} from './stack-options.ts'

/** A part as it is now. */
export interface PartStatus {
  name: string
  source: PartState['source']
  /** `host:port` or a URL, without credentials. */
  address: string
  /** `stopped`: its process is gone. `unreachable`: there is one, or it is not ours, and nothing answers at its port. */
  state: 'running' | 'stopped' | 'unreachable'
  pid?: number
  /** Path of its log file. */
  log?: string
}

/** A stack that is up. */
export interface RunningStack {
  addresses: StackAddresses
  /** As they were when the start had finished. */
  parts: PartStatus[]
  /** True when a detached stack was found already up in that directory; nothing was started then. */
  alreadyRunning: boolean
  /**
   * Ends a part (`kafka`, `registry`, `postgres`) as a failure would, its data kept; the default signal is SIGKILL.
   * @throws STACK_PART_FAILED when this process did not start it
   */
  kill(part: string, signal?: NodeJS.Signals): Promise<void>
  /** Brings a part that has ended back under its address, with its data. @throws STACK_PART_FAILED */
  restart(part: string): Promise<void>
  /** Ends everything and removes its data. Repeated calls get the same promise. */
  stop(): Promise<void>
}

/** What {@link stopStack} found and ended. */
export interface StopResult {
  /** False when there was no stack in the directory. */
  found: boolean
  /** Names of the processes that were ended or had ended before. */
  ended: string[]
}

const CLAIM_ATTEMPTS = 5
const GIVEN_TIMEOUT_MS = 10_000

/**
 * Brings up a stack and waits until all of it answers. On failure everything begun is ended before the error is thrown.
 * Leftovers of a stack whose owner died are ended first.
 * @throws StackError: STACK_PLATFORM_UNSUPPORTED, STACK_BUSY when there is another stack in the directory, STACK_ABORTED,
 *   and what the parts throw
 */
export async function startStack(options: Partial<StackOptions> = {}): Promise<RunningStack> {
  const resolved = resolveStackOptions(options)
  checkPlatform()
  throwIfAborted(resolved.signal)
  const claimed = await claim(resolved)
  if ('running' in claimed) return alreadyRunning(resolved, claimed.running)
  const session = new StackSession(resolved, claimed.state)
  try {
    const [servers, models] = await together(session, [
      startServers(session),
      resolved.models === 'auto' ? startModels(session) : Promise.resolve({}),
    ])
    const addresses: StackAddresses = { ...servers, models }
    throwIfAborted(session.signal)
    session.running(addresses)
    const stop = resolved.detached
      ? (): Promise<void> => stopStack(resolved.dataDirectory).then(() => undefined)
      : (): Promise<void> => session.stop()
    return {
      addresses,
      parts: await partStatuses(session.state.parts),
      alreadyRunning: false,
      kill: (part, signal = 'SIGKILL') => session.kill(part, signal),
      restart: (part) => session.restart(part),
      stop,
    }
  } catch (error) {
    // The first error is the one to tell; what cannot be ended stays in state.json for the next start.
    await session.stop().catch(() => {})
    throw error
  }
}

/** The parts of the stack in a directory; empty when there is none. Processes are told apart from later ones of the same number. */
export function stackStatus(dataDirectory: string): Promise<PartStatus[]> {
  return partStatuses(readState(dataDirectory)?.parts ?? [])
}

/** The addresses of the stack in a directory, or undefined when none is up. */
export function stackAddresses(dataDirectory: string): StackAddresses | undefined {
  const state = readState(dataDirectory)
  const verdict = judgeState(state)
  return verdict === 'detached-running' || verdict === 'owner-alive' ? state?.addresses : undefined
}

/**
 * Ends a detached stack, or what is left of a stack whose owner is gone.
 * @throws STACK_BUSY when the stack belongs to another process that still runs
 * @throws STACK_PART_FAILED when something could not be ended
 */
export async function stopStack(
  dataDirectory: string,
  onProgress: StackOptions['onProgress'] = () => {},
): Promise<StopResult> {
  const state = readState(dataDirectory)
  if (state === undefined) return { found: false, ended: [] }
  if (judgeState(state) === 'owner-alive' && state.owner.pid !== process.pid) {
    throw new StackError(
      'STACK_BUSY',
      `The stack in ${dataDirectory} belongs to process ${state.owner.pid} and ends with it.`,
      `End that process (Ctrl-C in its terminal, or kill ${state.owner.pid}).`,
    )
  }
  await endStack(dataDirectory, state, (part, message) => onProgress({ part, message }))
  return { found: true, ended: state.parts.flatMap((part) => (part.process === undefined ? [] : [part.name])) }
}

/** Takes the data directory, or finds the detached stack that has it. */
async function claim(options: StackOptions): Promise<{ state: StackState } | { running: StackState }> {
  const owner = identify(process.pid)
  if (owner === undefined) throw new Error('This process could not read its own start time')
  const state: StackState = {
    version: 1,
    createdAt: new Date().toISOString(),
    owner,
    detached: options.detached,
    backend: options.backend,
    phase: 'starting',
    parts: [],
    foreignDirectories: [],
  }
  const { dataDirectory } = options
  for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
    if (createState(dataDirectory, state)) return { state }
    const found = readState(dataDirectory)
    const verdict = judgeState(found)
    if (verdict === 'owner-alive' || (verdict === 'detached-running' && !options.detached)) throw busy(options, found)
    if (verdict === 'detached-running' && found !== undefined) return { running: found }
    options.onProgress({ part: 'stack', message: 'ending what is left of an earlier stack' })
    if (found === undefined) removeState(dataDirectory)
    else await endStack(dataDirectory, found, (part, message) => options.onProgress({ part, message }))
  }
  throw new StackError('STACK_BUSY', `Somebody else keeps starting a stack in ${dataDirectory}.`, 'Try again.')
}

function busy({ dataDirectory }: StackOptions, found: StackState | undefined): StackError {
  const whose =
    found?.detached && found.phase === 'running' ? 'a detached stack' : `a stack of process ${found?.owner.pid}`
  return new StackError(
    'STACK_BUSY',
    `There is already ${whose} in ${dataDirectory}.`,
    'Look at it with "model-service stack status", end it with "model-service stack down", or take another directory.',
  )
}

async function alreadyRunning(options: StackOptions, state: StackState): Promise<RunningStack> {
  const { addresses } = state
  if (addresses === undefined) throw busy(options, state)
  options.onProgress({ part: 'stack', message: `already up since ${state.createdAt}` })
  return {
    addresses,
    parts: await partStatuses(state.parts),
    alreadyRunning: true,
    kill: () => Promise.reject(notOurs(options)),
    restart: () => Promise.reject(notOurs(options)),
    stop: () => stopStack(options.dataDirectory, options.onProgress).then(() => undefined),
  }
}

function notOurs({ dataDirectory }: StackOptions): StackError {
  return new StackError('STACK_PART_FAILED', `The stack in ${dataDirectory} was started by another process.`, '')
}

/** Kafka, registry and PostgreSQL, each given, from Compose, or embedded. */
async function startServers(session: StackSession): Promise<Omit<StackAddresses, 'models'>> {
  const { given, backend } = session.options
  const needed = [
    ...(given.kafkaBrokers === undefined ? (['kafka'] as const) : []),
    ...(given.schemaRegistryUrl === undefined ? (['registry'] as const) : []),
    ...(given.databaseUrl === undefined ? (['postgres'] as const) : []),
  ]
  const composed = backend === 'compose' && needed.length > 0 ? startCompose(session, needed) : undefined
  const [kafkaBrokers, schemaRegistryUrl, databaseUrl] = await together(session, [
    given.kafkaBrokers === undefined
      ? (composed?.then((started) => started.kafkaBrokers) ?? startKafka(session))
      : useGiven(session, 'kafka', given.kafkaBrokers, brokersAnswer),
    given.schemaRegistryUrl === undefined
      ? (composed?.then((started) => started.schemaRegistryUrl) ?? startSchemaRegistry(session))
      : useGiven(session, 'registry', given.schemaRegistryUrl, registryAnswers),
    given.databaseUrl === undefined
      ? (composed?.then((started) => started.databaseUrl) ?? startPostgres(session))
      : useGiven(session, 'postgres', given.databaseUrl, databaseAnswers),
  ])
  return { kafkaBrokers, schemaRegistryUrl, databaseUrl }
}

/**
 * Waits for all; the first failure aborts the others, and is thrown only when they have settled, so that nothing is
 * started behind the back of whoever then cleans up.
 */
async function together<Values extends unknown[]>(
  session: StackSession,
  tasks: { [Index in keyof Values]: Promise<Values[Index]> },
): Promise<Values> {
  let first: { error: unknown } | undefined
  await Promise.allSettled(
    tasks.map((task) =>
      task.catch((error: unknown) => {
        first ??= { error }
        session.abort()
      }),
    ),
  )
  if (first !== undefined) throw first.error
  return Promise.all(tasks) as Promise<Values>
}

async function useGiven(
  session: StackSession,
  name: string,
  address: string,
  works: (address: string) => Promise<boolean>,
): Promise<string> {
  const shown = withoutCredentials(address)
  if (!(await works(address).catch(() => false))) {
    throw new StackError(
      'STACK_PART_FAILED',
      `The given ${name} at ${shown} does not answer.`,
      'Start it or correct its address.',
    )
  }
  session.note({ name, source: 'given', address: shown })
  return address
}

async function brokersAnswer(brokers: string): Promise<boolean> {
  const { host, port } = hostAndPort(brokers)
  return (await portAnswers(port, host, GIVEN_TIMEOUT_MS)) && (await brokerWorks(brokers))
}

async function registryAnswers(address: string): Promise<boolean> {
  const response = await fetch(`${address}/subjects`, { signal: AbortSignal.timeout(GIVEN_TIMEOUT_MS) })
  await response.body?.cancel()
  return response.ok
}

async function databaseAnswers(address: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: address, connectionTimeoutMillis: GIVEN_TIMEOUT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } finally {
    await client.end().catch(() => {})
  }
}

/** By name: parts start side by side, and which is first differs from time to time. */
function partStatuses(parts: readonly PartState[]): Promise<PartStatus[]> {
  const byName = parts.toSorted((left, right) => (left.name < right.name ? -1 : 1))
  return Promise.all(
    byName.map(async ({ name, source, address, process, log }): Promise<PartStatus> => {
      const lives = process === undefined || isAlive(process)
      const { host, port } = hostAndPort(address)
      const state = !lives ? 'stopped' : (await portAnswers(port, host)) ? 'running' : 'unreachable'
      return { name, source, address, state, ...(process && { pid: process.pid }), ...(log !== undefined && { log }) }
    }),
  )
}

/** Where to knock, from `host:port`, a list of them (the first counts) or a URL. */
export function hostAndPort(address: string): { host: string; port: number } {
  const [first = ''] = address.split(',')
  const url = new URL(/^[a-z]+:\/\//.test(first) ? first : `tcp://${first}`)
  const usual: Record<string, number> = { 'http:': 80, 'https:': 443, 'postgresql:': 5432, 'postgres:': 5432 }
  const port = url.port === '' ? (usual[url.protocol] ?? 9092) : Number(url.port)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port }
}

function withoutCredentials(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//')
}
