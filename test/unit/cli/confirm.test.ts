import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { confirm } from '../../../src/cli/confirm.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

/** A terminal on which somebody can be asked. */
function terminal({ isTTY = true } = {}) {
  const stdin = Object.assign(new PassThrough(), { isTTY })
  const stderr = new PassThrough()
  const abort = new AbortController()
  const given: Terminal = {
    stdin,
    stdout: new PassThrough(),
    stderr,
    env: {},
    cwd: '/',
    color: false,
    signal: abort.signal,
  }
  return { given, stdin, abort, err: () => String(stderr.read() ?? '') }
}

it.each([
  ['y', true],
  ['YES', true],
  ['n', false],
  ['', false],
  ['yesterday', false],
])('takes %j for %s', async (answer, expected) => {
  const { given, stdin, err } = terminal()
  const asked = confirm(given, 'Make these changes?', { yes: false })
  stdin.write(`${answer}\n`)
  expect(await asked).toBe(expected)
  const said = err()
  expect(said).toContain('Make these changes? [y/N] ')
  expect(said.includes('nothing was done')).toBe(!expected)
})

it('takes the end of the input for a no', async () => {
  const { given, stdin } = terminal()
  const asked = confirm(given, 'Go on?', { yes: false })
  stdin.end()
  expect(await asked).toBe(false)
})

it('takes the wish to stop for a no', async () => {
  const { given, abort } = terminal()
  const asked = confirm(given, 'Go on?', { yes: false })
  abort.abort()
  expect(await asked).toBe(false)
})

it('asks nobody with --yes, and refuses where nobody can be asked', async () => {
  const { given, err } = terminal({ isTTY: false })
  expect(await confirm(given, 'Go on?', { yes: true })).toBe(true)
  await expect(confirm(given, 'Go on?', { yes: false })).rejects.toThrow('expected --yes')
  expect(err()).toBe('')
})
