import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { renderDocs } from '../../../scripts/generate-docs.ts'
import { loadSettings } from '../../../src/config/load-settings.ts'
import { knownVariables } from '../../../src/config/misspelt-settings.ts'

describe('the generated docs', () => {
  it.each([...renderDocs()])('%s is as the code says', (path, content) => {
    expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(content)
  })

  it('give a .env.example that is a valid configuration as it is, and with every default written out', () => {
    const text = renderDocs().get('.env.example') ?? ''
    const written = text.replaceAll(/^# ([A-Z_]+=)/gm, '$1')
    expect(Object.keys(parseEnv(written)).every((name) => knownVariables().has(name))).toBe(true)
    expect(loadSettings(parseEnv(written))).toEqual(loadSettings(parseEnv(text)))
  })
})
