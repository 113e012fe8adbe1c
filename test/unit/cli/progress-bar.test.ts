import { PassThrough, Readable } from 'node:stream'
import { afterEach, expect, it, vi } from 'vitest'
import { canDrawOver, progressText, startProgressBar } from '../../../src/cli/progress-bar.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

interface Given extends Terminal {
  err(): string
}

function terminal({
  isTTY,
  columns = 80,
  env = {},
}: {
  isTTY: boolean
  columns?: number
  env?: Terminal['env']
}): Given {
  const stderr = Object.assign(new PassThrough(), {
    isTTY,
    columns,
    // As on a real terminal, what moves the cursor is written to the stream.
    clearLine: () => true,
    cursorTo: () => true,
  })
  return {
    stdin: Readable.from([]),
    stdout: new PassThrough(),
    stderr,
    env,
    cwd: '/',
    color: false,
    signal: new AbortController().signal,
    err: () => String(stderr.read() ?? ''),
  }
}

afterEach(() => {
  vi.useRealTimers()
})

it.each([
  [true, {}, true],
  [true, { NO_COLOR: '1' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, {}, false],
])('can draw over a line: terminal %s with %j: %s', (isTTY, env, expected) => {
  expect(canDrawOver(terminal({ isTTY, env }))).toBe(expected)
})

it.each([
  [0, 200, '0 of 200 records (0 %)'],
  [199, 200, '199 of 200 records (99 %)'],
  [200, 200, '200 of 200 records (100 %)'],
  [201, 200, '201 of 200 records (100 %)'],
  [7, null, '7 records'],
  [0, 0, '0 records'],
])('says in words that %d of %j are done', (doneCount, totalCount, expected) => {
  expect(progressText(doneCount, { unit: 'records', totalCount })).toBe(expected)
})

it('draws over one line of a terminal, and takes it away', () => {
  vi.useFakeTimers()
  const given = terminal({ isTTY: true })
  const bar = startProgressBar(given, { unit: 'records', totalCount: 200 })
  bar.update(50)
  vi.advanceTimersByTime(1_000)
  const drawn = given.err()
  expect(drawn).toContain('50 of 200 records [======-------------------] 25 %')
  expect(drawn).not.toContain('\n')
  bar.stop()
  bar.stop()
  expect(given.err()).not.toContain('\n')
  vi.advanceTimersByTime(60_000)
  expect(given.err()).toBe('')
  expect(vi.getTimerCount()).toBe(0)
})

it('cuts the line of a narrow terminal, and never changes its wrapping', () => {
  vi.useFakeTimers()
  const given = terminal({ isTTY: true, columns: 20 })
  const bar = startProgressBar(given, { unit: 'records', totalCount: 200 })
  bar.update(50)
  vi.advanceTimersByTime(1_000)
  bar.stop()
  const drawn = given.err()
  expect(drawn).toContain('50 of 200 records [=')
  expect(drawn).not.toContain('[==')
  expect(drawn).not.toMatch(/\[\?7|\[\?25/)
})

it('counts without a bar until the total is known', () => {
  vi.useFakeTimers()
  const given = terminal({ isTTY: true })
  const bar = startProgressBar(given, { unit: 'records', totalCount: null })
  bar.update(3)
  vi.advanceTimersByTime(1_000)
  const before = given.err()
  expect(before).toContain('3 records')
  expect(before).not.toContain('%')
  bar.setTotal(12)
  expect(given.err()).toContain('3 of 12 records [')
  bar.setTotal(6)
  bar.update(3)
  vi.advanceTimersByTime(1_000)
  expect(given.err()).toContain('3 of 6 records [')
  bar.stop()
  expect(vi.getTimerCount()).toBe(0)
})

it.each([{ isTTY: false }, { isTTY: true, env: { TERM: 'dumb' } }])('prints a line every ten seconds on %j', (kind) => {
  const given = terminal(kind)
  let now = 5
  const bar = startProgressBar(given, { unit: 'records', totalCount: null, timers: { now: () => now } })
  bar.update(1)
  now = 10_004
  bar.update(2)
  expect(given.err()).toBe('')
  now = 10_005
  bar.update(3)
  bar.update(4)
  bar.setTotal(10)
  now = 20_005
  bar.update(5)
  bar.stop()
  expect(given.err()).toBe('3 records\n5 of 10 records (50 %)\n')
})

it('shows nothing beside JSON', () => {
  vi.useFakeTimers()
  const given = terminal({ isTTY: true })
  const bar = startProgressBar(given, { unit: 'records', totalCount: 2, json: true })
  bar.update(1)
  bar.setTotal(3)
  vi.advanceTimersByTime(60_000)
  bar.stop()
  expect(given.err()).toBe('')
})
