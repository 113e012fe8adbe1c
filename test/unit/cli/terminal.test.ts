import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { paint, printable, printJson, printTable, type Terminal, wantsColor } from '../../../src/cli/terminal.ts'

function terminal(color = false): Terminal & { out: () => string } {
  const stdout = new PassThrough()
  const signal = new AbortController().signal
  const out = (): string => String(stdout.read() ?? '')
  return { stdin: Readable.from([]), stdout, stderr: new PassThrough(), env: {}, cwd: '/', color, signal, out }
}

it.each([
  [{ isTTY: true }, {}, true],
  [{ isTTY: false }, {}, false],
  [{}, {}, false],
  [{ isTTY: true }, { NO_COLOR: '1' }, false],
  [{ isTTY: true }, { NO_COLOR: '' }, true],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
])('colours a stream %j with %j: %s', (stream, env, expected) => {
  expect(wantsColor(stream, env)).toBe(expected)
})

it('paints only where colours are wanted', () => {
  expect(paint(terminal(false), 'red', 'x')).toBe('x')
  expect(paint(terminal(true), 'red', 'x')).toContain('\u001b[')
})

it('shows control characters of foreign texts as escapes, and keeps lines', () => {
  expect(printable('a\u001b[2Jb\nc\td\u0007')).toBe('a\\x1b[2Jb\nc\td\\x07')
})

it('prints bytes in JSON as base64', () => {
  const given = terminal()
  printJson(given, { media: { bytes: Buffer.from('RIFF') }, list: [1n] }, { compact: true })
  expect(given.out()).toBe('{"media":{"bytes":"UklGRg=="},"list":["1"]}\n')
})

it('prints a table as columns, without lines', () => {
  const given = terminal()
  printTable(
    given,
    ['topic', 'status'],
    [
      ['a', 'created'],
      ['a longer one', 'unchanged'],
    ],
  )
  expect(given.out()).toBe('topic         status\na             created\na longer one  unchanged\n')
})
