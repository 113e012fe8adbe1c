import { readdirSync, readFileSync } from 'node:fs'
import { PassThrough, Readable } from 'node:stream'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import {
  fillRunBlocks,
  findFiles,
  findRunBlocks,
  isSamePage,
  readCommand,
  steady,
} from '../../../scripts/docs-cli/run-blocks.ts'
import { buildProgram } from '../../../src/cli/program.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

const page = `# Page

<!-- run: models list -->
<!-- end of run -->

Text.

<!-- run: send --prompt "What is it?" -->

old output

<!-- end of run -->
`

describe('blocks of a page', () => {
  it('are found in order', () => {
    expect(findRunBlocks(page).map(({ command }) => command)).toEqual(['models list', 'send --prompt "What is it?"'])
  })

  it('are filled with the command, what it prints, and an exit code that is not 0', () => {
    const filled = fillRunBlocks(page, [
      { text: 'a  b\n\n', exitCode: 0 },
      { text: 'refused\n', exitCode: 1 },
    ])
    expect(filled).toContain(
      '<!-- run: models list -->\n\n```console\n$ model-service models list\na  b\n```\n\n<!-- end of run -->',
    )
    expect(filled).toContain('refused\n(exit code 1)\n```')
    expect(filled).not.toContain('old output')
    expect(filled).toContain('\nText.\n')
    // Filling again with the same changes nothing.
    expect(
      fillRunBlocks(filled, [
        { text: 'a  b', exitCode: 0 },
        { text: 'refused', exitCode: 1 },
      ]),
    ).toBe(filled)
  })

  it('must be ended', () => {
    expect(() => findRunBlocks('<!-- run: models list -->\ntext')).toThrow('1 blocks begin and 0 end')
  })
})

it('takes from an output what differs from run to run', () => {
  expect(
    steady(
      [
        '2031-01-02T03:04:05.678Z  COMPLETED  acme/question-1  417 ms',
        'sent 5f0c7a64-9d5e-4b43-9d0c-0f7c4f3e2a11 to 127.0.0.1:41234',
        'half within   417 ms   42 ms     -89.9 %',
        'a  FAILED → COMPLETED  417 → 42',
        'tokens out    41   48   +17.1 %',
        'model-service-1 (some-host.example, process 4711, alive), 417 bytes',
      ].join('\n'),
    ).split('\n'),
  ).toEqual([
    '2026-05-31T12:00:00.000Z  COMPLETED  acme/question-1  12 ms',
    'sent 00000000-0000-4000-8000-000000000000 to 127.0.0.1:9092',
    'half within   12 ms    12 ms     -50 %',
    'a  FAILED → COMPLETED  12 → 12',
    'tokens out    41   48   +17.1 %',
    'model-service-1 (box, process 12, alive), 100 bytes',
  ])
})

it('takes pages for the same whatever the width of their gaps, and no others', () => {
  expect(isSamePage('a   12 ms  b', 'a  12 ms      b')).toBe(true)
  expect(isSamePage('a b', 'a  b')).toBe(false)
  expect(isSamePage('a  12', 'a  13')).toBe(false)
})

it('does not see that durations are equal, or nearly', () => {
  const lines = [
    'half within   5 ms   5 ms',
    'half within   500 ms   501 ms   0 %',
    'half within   9 ms   5 ms   -44.4 %',
  ]
  for (const line of lines) expect(steady(line)).toMatch(/^half within {3}12 ms {2,}12 ms {2,}-50 %$/)
})

it('reads a command line as a shell does with settings and double quotes', () => {
  expect(readCommand('send --prompt "What is it?" --system ""  --json')).toEqual({
    env: {},
    args: ['send', '--prompt', 'What is it?', '--system', '', '--json'],
  })
  expect(readCommand('REPLY_TOPICS=a,b KAFKA_BROKERS= doctor A=b')).toEqual({
    env: { REPLY_TOPICS: 'a,b', KAFKA_BROKERS: '' },
    args: ['doctor', 'A=b'],
  })
})

describe('a sample', () => {
  const block = '<!-- sample: A=b top --once -->\n<!-- end of run -->\n'
  const filled = fillRunBlocks(block, [{ text: 'requests 12  3.5/s  p50 7 ms\n', exitCode: 0 }])

  it('is shown as it was', () => {
    expect(filled).toContain('$ A=b model-service top --once\nrequests 12  3.5/s  p50 7 ms\n')
  })

  it('stays while only numbers and the width of gaps differ', () => {
    expect(fillRunBlocks(filled, [{ text: '  requests    1   0/s  p50 12.5 ms\n', exitCode: 0 }])).toBe(filled)
    expect(fillRunBlocks(filled, [{ text: 'requests 12  3.5/s  p50 7 s\n', exitCode: 0 }])).toContain('p50 7 s')
  })
})

it('finds the files that a page shows', () => {
  expect(findFiles('x\n<!-- file: a.yaml -->\n\n```yaml\na: 1\n```\n\n```yaml\nb: 2\n```\n')).toEqual([
    ['a.yaml', 'a: 1\n'],
  ])
})

const folder = new URL('../../../docs/', import.meta.url)
const pages = readdirSync(folder)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))

it.each(pages.filter(({ text }) => findRunBlocks(text).length > 0))(
  'every block of $name shows its own command',
  ({ text }) => {
    for (const { command, from, to } of findRunBlocks(text)) {
      const { args } = /^(?:[A-Z_]+=\S* )*(?<args>.*)$/.exec(command)?.groups ?? {}
      expect(text.slice(from, to)).toMatch(/^\n```console\n\$ /)
      expect(text.slice(from, to)).toContain(`model-service ${args}\n`)
    }
  },
)

describe('every command', () => {
  const commands = commandNames()
  // What serves until it is stopped, and what makes or ends the stack on which the others run.
  const notRun = ['worker', 'stack up', 'stack down']

  it.each(commands)('%s is in the table of docs/cli.md', (name) => {
    const page = pages.find((one) => one.name === 'cli.md')?.text ?? ''
    const [group = '', member] = name.split(' ')
    const rows = page.split('\n').filter((line) => line.startsWith('| `'))
    const cells = rows.map((row) => row.split('|')[1]?.match(/(?<=`)[^`,]+(?=`)/g) ?? [])
    const isThere = cells.some((words) => {
      const first = words.findIndex((word) => word === group || word.startsWith(`${group} `))
      return (
        first >= 0 && (member === undefined || words.some((word) => word === member || word.endsWith(` ${member}`)))
      )
    })
    expect(isThere).toBe(true)
  })

  it.each(commands.filter((name) => !notRun.includes(name)))('%s is shown in the docs, with what it prints', (name) => {
    const shown = pages.flatMap(({ text }) => findRunBlocks(text)).map(({ command }) => readCommand(command).args)
    const words = name.split(' ')
    expect(shown.some((args) => words.every((word, index) => args[index] === word))).toBe(true)
  })
})

function commandNames(): string[] {
  const terminal: Terminal = {
    ...{
      stdin: Readable.from([]),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      env: {},
      cwd: '/',
      color: false,
    },
    signal: new AbortController().signal,
  }
  const leaves = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
  const nameOf = (command: Command): string =>
    command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
  return leaves(buildProgram(terminal, async () => {})).map(nameOf)
}

it('ends the lines of CSV as the page does', () => {
  expect(steady('a,b\r\n1,2\r\n')).toBe('a,b\n1,2\n')
})
