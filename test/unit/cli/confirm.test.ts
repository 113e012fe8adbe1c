import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { confirm } from '../../../src/cli/confirm.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import { UsageError } from '../../../src/cli/usage-error.ts'

function terminal(answer: string, isTTY: boolean): Terminal & { err: () => string } {
  const stderr = new PassThrough()
  return {
    stdin: Object.assign(Readable.from([`${answer}\n`]), { isTTY }),
    stdout: new PassThrough(),
    stderr,
    env: {},
    cwd: '/',
    color: false,
    signal: new AbortController().signal,
    err: () => String(stderr.read() ?? ''),
  }
}

describe('confirm', () => {
  it.each(['y', 'YES', ' yes '])('goes on after %j', async (answer) => {
    const given = terminal(answer, true)
    expect(await confirm(given, 'Go on?', { yes: false })).toBe(true)
    expect(given.err()).toContain('Go on? [y/N]')
  })

  it.each(['', 'n', 'yep', 'no'])('does nothing after %j, and says so', async (answer) => {
    const given = terminal(answer, true)
    expect(await confirm(given, 'Go on?', { yes: false })).toBe(false)
    expect(given.err()).toContain('nothing was done')
  })

  it('asks nobody with --yes, and needs it where nobody can be asked', async () => {
    expect(await confirm(terminal('n', false), 'Go on?', { yes: true })).toBe(true)
    await expect(confirm(terminal('y', false), 'Go on?', { yes: false })).rejects.toThrow(UsageError)
  })
})
