import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { featureTable, heldFeatures, presetTable } from '../../../scripts/provider-tables.ts'
import { presets } from '../../../src/providers/presets.ts'

const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

function held(source: string) {
  const directory = mkdtempSync(join(tmpdir(), 'provider-tables-'))
  directories.push(directory)
  writeFileSync(join(directory, 'a.test.ts'), source)
  return [...heldFeatures(pathToFileURL(`${directory}/`))]
}

describe('heldFeatures', () => {
  it('finds the tests that hold a feature, on one line or several', () => {
    expect(held("holds('ollama', 'seed', 'x', f)\n  holds(\n    'openai',\n    'chat',\n    't', f)")).toEqual([
      'ollama seed',
      'openai chat',
    ])
  })

  it('counts a feature that only relatives have', () => {
    expect(held("holds('openai', 'reasoningBudget', 'x', f)")).toEqual(['openai reasoningBudget'])
  })

  it.each([
    "holds('ollama', 'audioParts', 'x', f)",
    "holds('ollama', 'nonsense', 'x', f)",
    "holds('acme', 'chat', 'x', f)",
  ])('refuses %s, which nobody declares', (source) => {
    expect(() => held(source)).toThrow(/a\.test\.ts holds .* declare it or drop the test/)
  })
})

it('has every declared feature held by a test', () => {
  const untested = featureTable().rows.filter((row) => row.some((cell) => cell.includes('untested')))
  expect(untested).toEqual([])
})

it('has a row for every preset', () => {
  expect(presetTable().rows).toHaveLength(presets.size)
})
