import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { StopSignal } from './end-process.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'
import type { StackAddresses } from './stack-addresses.ts'
import { StackError } from './stack-error.ts'
import type { StackBackend } from './stack-options.ts'

/**
 * What is known about a stack, in `<dataDirectory>/state.json`.
 *
 * The file is created exclusively by whoever starts a stack: it is the claim on the directory. It is rewritten after
 * every process started, so that whoever finds it later can end what is left, and removed when everything has ended.
 */
export interface StackState {
  version: 1
  /** ISO 8601. */
  createdAt: string
  /** Who started it. */
  owner: ProcessIdentity
  detached: boolean
  backend: StackBackend
  /** `starting` until every part has answered. */
  phase: 'starting' | 'running'
  parts: PartState[]
  addresses?: StackAddresses
  /** The Compose project, where that is the backend. */
  composeProject?: string
  /** Directories outside of the data directory that belong to this stack and go with it. */
  foreignDirectories: string[]
}

/** One process of a stack, or something used that is not ours. */
export interface PartState {
  name: string
  source: 'embedded' | 'given' | 'compose' | 'ollama' | 'local' | 'double'
  address: string
  /** Absent where the part is not a process of ours. */
  process?: ProcessIdentity
  stopSignal?: StopSignal
  log?: string
  /** Class data archive being written at its end, and where it goes when it was written whole. */
  archive?: { temporary: string; final: string }
}

/** What a state file means for somebody who wants to start a stack in its directory. */
export type StateVerdict = 'none' | 'owner-alive' | 'detached-running' | 'stale'

/**
 * Judges a state. A detached stack that is up needs no owner; every other one is stale as soon as its owner is gone,
 * and so is a detached one of which a process is missing.
 */
export function judgeState(
  state: StackState | undefined,
  alive: (identity: ProcessIdentity) => boolean = isAlive,
): StateVerdict {
  if (state === undefined) return 'none'
  if (state.detached && state.phase === 'running') {
    return state.parts.every((part) => part.process === undefined || alive(part.process)) ? 'detached-running' : 'stale'
  }
  return alive(state.owner) ? 'owner-alive' : 'stale'
}

/** Where the state of a stack lies. */
export function statePath(dataDirectory: string): string {
  return path.join(dataDirectory, 'state.json')
}

/** The state, or undefined when there is none. A file that cannot be understood counts as none: nothing can be ended by it. */
export function readState(dataDirectory: string): StackState | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(statePath(dataDirectory), 'utf8'))
    return isStackState(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/**
 * Creates the state file, which claims the directory. False when there is one already.
 * @throws STACK_OPTIONS_INVALID when there can be no such directory
 */
export function createState(dataDirectory: string, state: StackState): boolean {
  try {
    mkdirSync(dataDirectory, { recursive: true })
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    const message = `${dataDirectory} cannot be made a folder (${reason}).`
    throw new StackError('STACK_OPTIONS_INVALID', message, 'Give another folder to keep the stack in.', error)
  }
  try {
    // 0600: the database's password is in it.
    writeFileSync(statePath(dataDirectory), serialise(state), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Replaces the state file in one step: a reader sees the old one or the new one, whole. */
export function writeState(dataDirectory: string, state: StackState): void {
  const temporary = `${statePath(dataDirectory)}.${process.pid}.tmp`
  writeFileSync(temporary, serialise(state), { mode: 0o600 })
  renameSync(temporary, statePath(dataDirectory))
}

/** Gives the directory free. */
export function removeState(dataDirectory: string): void {
  rmSync(statePath(dataDirectory), { force: true })
}

function serialise(state: StackState): string {
  return `${JSON.stringify(state, undefined, 2)}\n`
}

function isStackState(value: unknown): value is StackState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'owner' in value &&
    isIdentity(value.owner) &&
    'parts' in value &&
    Array.isArray(value.parts) &&
    value.parts.every((part: unknown) => isPartState(part)) &&
    'foreignDirectories' in value &&
    Array.isArray(value.foreignDirectories)
  )
}

function isPartState(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    (!('process' in value) || value.process === undefined || isIdentity(value.process))
  )
}

function isIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    // Signals go to the negated number: 0 and 1 would mean our own group and everybody.
    value.pid > 1 &&
    'startedAt' in value &&
    typeof value.startedAt === 'string'
  )
}
