import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { definitionFromFlags } from '../../../../src/cli/registry/definition-from-flags.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'models-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string | Buffer): string {
  const written = path.join(folder, name)
  writeFileSync(written, text)
  return written
}

it('takes flags over the file, and names the fields that were given', () => {
  const model = file('model.json', JSON.stringify({ id: 'from-file', provider: 'openai', capabilities: ['CHAT'] }))
  const given = { provider: 'ollama', contextWindow: 8192 }
  expect(definitionFromFlags('MODEL', { id: 'mine', file: model, given })).toEqual({
    definition: { id: 'mine', provider: 'ollama', capabilities: ['CHAT'], contextWindow: 8192 },
    fields: ['provider', 'capabilities', 'contextWindow'],
  })
  expect(definitionFromFlags('MODEL', { id: undefined, file: model, given: {} }).definition.id).toBe('from-file')
})

it('takes YAML, of each kind', () => {
  const provider = file('provider.yaml', 'kind: ollama\nlimits: { maxConcurrentCalls: 2 }\n')
  expect(definitionFromFlags('PROVIDER', { id: 'p', file: provider, given: {} })).toEqual({
    definition: { id: 'p', kind: 'ollama', limits: { maxConcurrentCalls: 2 } },
    fields: ['kind', 'limits'],
  })
  const given = { targets: [{ model: 'a' }] }
  expect(definitionFromFlags('ROUTE', { id: 'r', file: undefined, given })).toEqual({
    definition: { id: 'r', targets: [{ model: 'a' }] },
    fields: ['targets'],
  })
})

it.each([
  ['no id', undefined, { provider: 'x' }, 'Expected the id of a model'],
  ['nothing said', 'm', {}, 'Nothing is said about the model'],
  ['a wrong type', 'm', { provider: 7 }, 'the command line: This is not a ModelDefinition: provider: expected string'],
] as const)('refuses %s', (_, id, given, expected) => {
  expect(() => definitionFromFlags('MODEL', { id, file: undefined, given })).toThrow(expected)
})

it.each<[string, string | Buffer, RegExp]>([
  ['an unknown field', '{"capabilites": ["CHAT"]}', /wrong.yaml: .*capabilites: unknown field/],
  ['a list', '[1]', /wrong.yaml: expected the fields of one model/],
  ['several', 'provider: a\n---\nprovider: b\n', /expected the fields of one model/],
  ['nothing', '', /expected the fields of one model/],
  ['broken YAML', 'a: [', /wrong.yaml:1:5: /],
  ['bytes', Buffer.from([0xff]), /it is not UTF-8 text/],
  [
    'aliases without end',
    `a: &a [x]\n${Array.from({ length: 12 }, (_, i) => `${'b'.repeat(i + 1)}: &${'b'.repeat(i + 1)} [${`*${i === 0 ? 'a' : 'b'.repeat(i)}, `.repeat(10)}]`).join('\n')}\n`,
    /aliases/,
  ],
])('refuses a file of %s, with its place', (_, text, expected) => {
  const wrong = file('wrong.yaml', text)
  expect(() => definitionFromFlags('MODEL', { id: 'm', file: wrong, given: {} })).toThrow(expected)
})

it('refuses a file that is not there', () => {
  const parts = { id: 'm', file: '/does/not/exist.yaml', given: {} }
  expect(() => definitionFromFlags('MODEL', parts)).toThrow('/does/not/exist.yaml: it cannot be read (ENOENT)')
})
