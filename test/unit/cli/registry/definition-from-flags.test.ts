import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { modelFromFlags } from '../../../../src/cli/models/model-from-flags.ts'

let file = ''
beforeAll(() => {
  file = path.join(mkdtempSync(path.join(tmpdir(), 'models-')), 'model.json')
  writeFileSync(file, JSON.stringify({ id: 'from-file', provider: 'openai', capabilities: ['CHAT'] }))
})
afterAll(() => rmSync(path.dirname(file), { recursive: true }))

it('takes flags over the file, and names the fields that were given', () => {
  expect(modelFromFlags('mine', file, { provider: 'ollama', contextWindow: 8192 })).toEqual({
    model: { id: 'mine', provider: 'ollama', capabilities: ['CHAT'], contextWindow: 8192 },
    fields: ['provider', 'capabilities', 'contextWindow'],
  })
})

it('takes the id of the file', () => {
  expect(modelFromFlags(undefined, file, {}).model.id).toBe('from-file')
})

it.each([
  ['no id', undefined, undefined, { provider: 'x' }, 'Expected the id'],
  ['nothing said', 'm', undefined, {}, 'Nothing is said about the model'],
  ['a file that is not there', 'm', '/does/not/exist.json', {}, 'cannot be read'],
] as const)('refuses %s', (_, id, source, flags, expected) => {
  expect(() => modelFromFlags(id, source, flags)).toThrow(expected)
})

it('refuses what does not fit, naming the field', () => {
  const broken = path.join(path.dirname(file), 'broken.json')
  writeFileSync(broken, JSON.stringify({ provider: 'openai', capabilites: ['CHAT'] }))
  expect(() => modelFromFlags('m', broken, {})).toThrow(/broken\.json.*capabilites: unknown field/)
})
