import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createState,
  judgeState,
  readState,
  removeState,
  type StackState,
  statePath,
  writeState,
} from '../../../src/stack/stack-state.ts'

const owner = { pid: 100, startedAt: 'owner' }
const broker = { pid: 200, startedAt: 'broker' }
const base: StackState = {
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  owner,
  detached: false,
  backend: 'embedded',
  phase: 'running',
  parts: [
    { name: 'kafka', source: 'embedded', address: '127.0.0.1:1', process: broker },
    { name: 'postgres', source: 'given', address: '127.0.0.1:2' },
  ],
  foreignDirectories: [],
}

describe('the verdict on a state', () => {
  const living =
    (...pids: number[]) =>
    ({ pid }: { pid: number }) =>
      pids.includes(pid)

  it.each([
    ['owner alive', base, [100, 200], 'owner-alive'],
    ['owner dead', base, [200], 'stale'],
    ['all dead', base, [], 'stale'],
    ['detached and up without its owner', { ...base, detached: true }, [200], 'detached-running'],
    ['detached and up, a process missing', { ...base, detached: true }, [100], 'stale'],
    ['detached, still starting', { ...base, detached: true, phase: 'starting' }, [100, 200], 'owner-alive'],
    ['detached, cut off while starting', { ...base, detached: true, phase: 'starting' }, [200], 'stale'],
  ] as const)('%s', (_name, state, pids, verdict) => {
    expect(judgeState({ ...state, parts: [...state.parts] } as StackState, living(...pids))).toBe(verdict)
  })

  it('of no state is that there is none', () => {
    expect(judgeState(undefined)).toBe('none')
  })
})

describe('the state file', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'stack-state-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('is claimed by one only, and comes back as it was written', () => {
    expect(createState(directory, base)).toBe(true)
    expect(createState(directory, { ...base, owner: broker })).toBe(false)
    expect(readState(directory)).toEqual(base)
    writeState(directory, { ...base, phase: 'starting' })
    expect(readState(directory)?.phase).toBe('starting')
    removeState(directory)
    expect(existsSync(statePath(directory))).toBe(false)
  })

  it('needs a folder, and says where there can be none', () => {
    const file = path.join(directory, 'file')
    writeFileSync(file, '')
    expect(() => createState(file, base)).toThrow(`${file} cannot be made a folder (EEXIST).`)
    expect(() => createState(path.join(file, 'below'), base)).toThrow('(ENOTDIR)')
  })

  it('is readable by its owner alone: a password is in it', () => {
    createState(directory, base)
    writeState(directory, base)
    expect(statSync(statePath(directory)).mode & 0o077).toBe(0)
  })

  it.each([
    ['not JSON', '{'],
    ['another version', JSON.stringify({ ...base, version: 2 })],
    ['a process number that would mean everybody', JSON.stringify({ ...base, owner: { pid: 1, startedAt: 'x' } })],
    [
      'a part with such a number',
      JSON.stringify({ ...base, parts: [{ name: 'x', process: { pid: -5, startedAt: '' } }] }),
    ],
  ])('counts as none when it holds %s', (_name, text) => {
    writeFileSync(statePath(directory), text)
    expect(readState(directory)).toBeUndefined()
  })
})
