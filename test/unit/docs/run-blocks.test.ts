import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fillRunBlocks, findRunBlocks, isSamePage, steady, wordsOf } from '../../../scripts/docs-cli/run-blocks.ts'

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
        'half within   417 ms   42 ms   -89.9 %',
        'a  FAILED → COMPLETED  417 → 42',
        'tokens out    41   48   +17.1 %',
        'model-service-1 (some-host.example, process 4711, alive), 417 bytes',
      ].join('\n'),
    ).split('\n'),
  ).toEqual([
    '2026-05-31T12:00:00.000Z  COMPLETED  acme/question-1  12 ms',
    'sent 00000000-0000-4000-8000-000000000000 to 127.0.0.1:9092',
    'half within   12 ms   12 ms   -50 %',
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

it('parts a command line as a shell does with double quotes', () => {
  expect(wordsOf('send --prompt "What is it?" --system ""  --json')).toEqual([
    ...['send', '--prompt', 'What is it?', '--system', '', '--json'],
  ])
})

it.each(['docs/cli.md', 'docs/replay.md'])('every block of %s shows its own command', (name) => {
  const text = readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
  const blocks = findRunBlocks(text)
  expect(blocks.length).toBeGreaterThan(0)
  for (const { command, from, to } of blocks) {
    expect(text.slice(from, to)).toContain(`\`\`\`console\n$ model-service ${command}\n`)
  }
})
