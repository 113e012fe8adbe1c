import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
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

const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined
const folder = mkdtempSync(path.join(tmpdir(), 'complete-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The script in a file, as users have it. */
async function scriptFile(shell: string): Promise<string> {
  printed = []
  expect(await run('complete', shell)).toEqual({ exitCode: 0, err: '' })
  const file = path.join(folder, `script.${shell}`)
  writeFileSync(file, printed.join('\n'))
  return file
}

describe('scripts', () => {
  // Each says by its name when the shell is not there to judge.
  const shells = ['bash', 'zsh', 'fish'].map((shell) => ({ shell, how: isInstalled(shell) ? '' : ' (not installed)' }))

  it.each(shells)('are valid $shell$how', async ({ shell, how }) => {
    const file = await scriptFile(shell)
    expect(readFileSync(file, 'utf8')).toContain('model-service')
    // As a file: fish reads no script from a socket, which is what Node's pipes are.
    if (how === '') execFileSync(shell, ['-n', file])
    expect(isInstalled('bash')).toBe(true)
  })

  it.skipIf(!isInstalled('fish'))('complete a line in a real fish', { timeout: 60_000 }, async () => {
    const main = fileURLToPath(new URL('../../../../src/cli/main.ts', import.meta.url))
    const program = path.join(folder, 'model-service')
    writeFileSync(program, `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`, { mode: 0o755 })
    const file = await scriptFile('fish')
    const lines = ['rep', 'replay --mode rer', 'models li', 'tail --tex']
    const commands = [`source ${file}`, ...lines.map((line) => `complete -C 'model-service ${line}'`)]
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder }
    const out = execFileSync('fish', ['--no-config', '-c', commands.join('; ')], { env, encoding: 'utf8' })
    const words = out.split('\n').map((line) => line.split('\t')[0])
    expect(words).toEqual(expect.arrayContaining(['replay', 'rerun', 'list', '--text']))
    expect(words).not.toContain('worker')
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
