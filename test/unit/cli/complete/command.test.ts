import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'
import type { Terminal } from '../../../../src/cli/terminal.ts'

let printed: string[] = []
beforeEach(() => {
  printed = []
  vi.spyOn(console, 'log').mockImplementation((text) => {
    printed.push(String(text))
  })
})

async function run(...args: string[]) {
  const stderr = new PassThrough()
  const terminal: Terminal = {
    ...{ stdin: Readable.from([]), stdout: new PassThrough(), stderr, env: {}, cwd: '/', color: false },
    signal: new AbortController().signal,
  }
  const exitCode = await runCli(args, terminal)
  return { exitCode, err: String(stderr.read() ?? '') }
}

/** What is suggested for a line whose last word is the one being written. */
async function suggestions(...words: string[]): Promise<string[]> {
  printed = []
  await run('complete', '--', ...words)
  return printed.filter((line) => !line.startsWith(':')).map((line) => line.split('\t')[0] ?? '')
}

function withFile(text: string, run: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'complete-'))
  try {
    writeFileSync(join(folder, 'script'), text)
    run(join(folder, 'script'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('are valid %s', async (shell) => {
    expect(await run('complete', shell)).toEqual({ exitCode: 0, err: '' })
    const script = printed.join('\n')
    expect(script).toContain('model-service')
    const isThere = spawnSync(shell, ['--version']).error === undefined
    // As a file: fish reads no script from a socket, which is what Node's pipes are, and forgives mistakes in an argument.
    if (isThere) withFile(script, (path) => execFileSync(shell, ['-n', path]))
    else expect(shell).not.toBe('bash')
  })

  it('let bash complete names of files', async () => {
    await run('complete', 'bash')
    expect(printed.at(-1)).toMatch(/^complete -o default .* model-service$/)
    expect(printed.join('\n')).toContain('__model_service_complete() {')
  })

  it('are refused for other shells, with exit code 2', async () => {
    const { exitCode, err } = await run('complete', 'tcsh')
    expect(exitCode).toBe(2)
    expect(err).toContain('bash, zsh, fish, powershell')
    expect(printed).toEqual([])
  })
})

describe('names of files', () => {
  it.each([
    [['send', 'exam']],
    [['send', '--json', '']],
    [['send', '--file', '']],
    [['replay', '--mode', 'rerun', '--csv', 'out/']],
    [['models', 'register', 'mine', '--file', 'm']],
  ])('are left to the shell for %j', async (words) => {
    await run('complete', '--', ...words)
    expect(printed).toEqual([':0'])
  })

  it.each([
    [['send', '--mo']],
    [['send', '--model', '']],
    [['models', 'li']],
    [['tail', '']],
    [['tail', 'completions', '']],
  ])('are not offered for %j', async (words) => {
    await run('complete', '--', ...words)
    expect(printed.at(-1)).toBe(':4')
  })
})

describe('suggestions', () => {
  it.each<[string[], string[]]>([
    [['mig'], ['migrate']],
    [['models', 'li'], ['list']],
    [
      ['replay', '--mode', 're'],
      ['rerun', 'repair'],
    ],
    [['replay', '--shadow'], ['--shadow-topic']],
    [['tail', 'comp'], ['completions']],
    [['tail', '--json', 'chu'], ['chunks']],
    [['nothing', 'such'], []],
  ])('for %j are %j', async (words, expected) => {
    expect(await suggestions(...words)).toEqual(expect.arrayContaining(expected))
    if (expected.length === 0) expect(await suggestions(...words)).toEqual([])
  })

  it('are all commands for an empty word', async () => {
    expect(await suggestions('')).toEqual(expect.arrayContaining(['worker', 'send', 'replay', 'top', 'complete']))
  })
})
