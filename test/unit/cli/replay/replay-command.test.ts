import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'
import { replayModes } from '../../../../src/cli/replay/command.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/replay-`)
})
afterAll(() => rmSync(folder, { recursive: true }))

async function run(...args: string[]) {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const exitCode = await runCli(['replay', ...args], {
    stdin: Readable.from(['']),
    stdout,
    stderr,
    env: {},
    cwd: folder,
    color: false,
    signal: new AbortController().signal,
  })
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

describe('replay', () => {
  it('has its modes, bounds and examples in its help', async () => {
    const { exitCode, out } = await run('--help')
    for (const [name, { summary, options, examples }] of Object.entries(replayModes)) {
      expect(out).toContain(name)
      expect(out.replaceAll(/\s+/g, ' ')).toContain(summary)
      for (const option of options) expect(out).toContain(option.flags)
      expect(examples.length).toBeGreaterThan(0)
    }
    expect(out).toContain('"beginning", "end", "offset:N", or a time')
    expect(exitCode).toBe(0)
  })

  it.each<[string, string[], string]>([
    ['an unknown mode', ['--mode', 'undo'], 'Allowed choices are audit'],
    [
      'a bound that is none',
      ['--mode', 'audit', '--from', 'yesterday'],
      'Expected "beginning", "end", "offset:N", or a time',
    ],
    ['partitions that are none', ['--mode', 'audit', '--partitions', '0,x'], 'Expected partition numbers such as 0,2'],
    [
      'an option of another mode',
      ['--mode', 'audit', '--as-of', '2026-05-31'],
      '--as-of does not go with --mode audit',
    ],
    [
      'options of another mode',
      ['--mode', 'reprice', '--html', 'x', '--max-cost', '1'],
      '--html, --max-cost does not go with --mode reprice',
    ],
    ['a day that is none', ['--mode', 'reprice', '--as-of', 'offset:3'], 'Expected a day or a time such as 2026-05-31'],
    ['too many examples', ['--mode', 'audit', '--examples', '99999999'], 'Expected a whole number from 0 to 10000'],
  ])('refuses %s', async (_, args, expected) => {
    const { exitCode, err } = await run(...args)
    expect(err).toContain(expected)
    expect(exitCode).toBe(2)
  })

  it('gives an option of several modes to each of them', async () => {
    // Nothing is set, so that is what is wrong: the option itself is none of the problems.
    for (const mode of ['audit', 'reprice']) {
      const { exitCode, err } = await run('--mode', mode, '--no-database', '--examples', '3', '--work-file', 'x')
      expect(err).toContain('CONFIGURATION_INVALID')
      expect(err).toContain('KAFKA_BROKERS is not set')
      expect(exitCode).toBe(2)
    }
  })
})
