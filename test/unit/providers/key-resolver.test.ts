import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveKey } from '../../../src/providers/key-resolver.ts'

let root = ''
let secretsDirectory = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'key-resolver-'))
  secretsDirectory = join(root, 'secrets')
  mkdirSync(join(secretsDirectory, '..data'), { recursive: true })
  writeFileSync(join(root, 'outside'), 'stolen')
  writeFileSync(join(secretsDirectory, '..data', 'linked'), 'from-link\n')
  writeFileSync(join(secretsDirectory, 'plain'), '  from-file \n')
  writeFileSync(join(secretsDirectory, 'broken'), 'two\nlines')
  writeFileSync(join(secretsDirectory, 'huge'), 'x'.repeat(20_000))
  symlinkSync(join('..data', 'linked'), join(secretsDirectory, 'linked'))
  symlinkSync(join(root, 'outside'), join(secretsDirectory, 'escaping'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const resolve = (references: string[], env: Record<string, string> = {}) =>
  resolveKey(references, { env, secretsDirectory }, 'acme')

describe('resolveKey', () => {
  it('reads variables and files, trimmed, and takes the first that leads to a key', () => {
    expect(resolve(['MODEL_KEY_A'], { MODEL_KEY_A: ' k1\n' })).toBe('k1')
    expect(resolve(['MODEL_KEY_NONE', 'file:absent', 'file:plain'])).toBe('from-file')
    expect(resolve([])).toBeNull()
  })

  it('follows links that stay beneath the directory, as Kubernetes makes them', () => {
    expect(resolve(['file:linked'])).toBe('from-link')
  })

  it.each([
    'OPENAI_API_KEY',
    'PATH',
    'MODEL_KEY_lower',
    'sk-a-real-key',
    'file:../outside',
    'file:/etc/passwd',
    'file:',
    'file:escaping',
    'file:a/../../outside',
  ])('refuses the reference %s', (reference) => {
    const env = { OPENAI_API_KEY: 'stolen', PATH: 'stolen', MODEL_KEY_lower: 'stolen' }
    expect(() => resolve([reference], env)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  it('does not repeat what may be a key in the place of a reference', () => {
    expect(() => resolve(['sk-a-real-key'])).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('sk-a') }),
    )
  })

  it('names the variable that is missing', () => {
    expect(() => resolve(['MODEL_KEY_A'])).toThrow(
      expect.objectContaining({ code: 'PROVIDER_AUTHENTICATION', message: expect.stringContaining('MODEL_KEY_A') }),
    )
  })

  it.each(['file:broken', 'file:huge'])('refuses the content of %s without showing it', (reference) => {
    expect(() => resolve([reference])).toThrow(
      expect.objectContaining({ code: 'PROVIDER_AUTHENTICATION', message: expect.not.stringMatching(/lines|xxx/) }),
    )
  })

  it('says that the directory is not set', () => {
    expect(() => resolveKey(['file:plain'], { env: {}, secretsDirectory: null }, 'acme')).toThrow(/SECRETS_DIR/)
  })
})
