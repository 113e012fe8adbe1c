import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultCacheDirectory, ollamaUrl, resolveStackOptions } from '../../../src/stack/stack-options.ts'

describe('the options of a stack', () => {
  it('take running servers from the test variables and from nowhere else', () => {
    const env = {
      DATABASE_URL: 'postgresql://production/db',
      KAFKA_BROKERS: 'production:9092',
      SCHEMA_REGISTRY_URL: 'http://production',
    }
    expect(resolveStackOptions({}, env).given).toEqual({})
    expect(resolveStackOptions({}, { ...env, MODEL_SERVICE_TEST_DATABASE_URL: 'postgresql://test/db' }).given).toEqual({
      databaseUrl: 'postgresql://test/db',
    })
  })

  it('have safe defaults', () => {
    expect(resolveStackOptions({}, { HOME: '/home/ada' })).toMatchObject({
      dataDirectory: path.join(process.cwd(), '.model-service', 'stack'),
      backend: 'embedded',
      models: 'auto',
      offline: false,
      detached: false,
      weightsRequired: false,
    })
  })

  it.each([
    ['true', true],
    ['1', true],
    ['', false],
    ['false', false],
    [undefined, false],
  ])('require weights when CI is %j: %j', (ci, required) => {
    expect(resolveStackOptions({}, { CI: ci }).weightsRequired).toBe(required)
  })

  it('refuse an unknown backend', () => {
    const options = JSON.parse('{"backend":"podman"}')
    expect(() => resolveStackOptions(options, {})).toThrow(expect.objectContaining({ code: 'STACK_OPTIONS_INVALID' }))
  })

  it('survive a listener that throws', () => {
    const { onProgress } = resolveStackOptions({
      onProgress: () => {
        throw new Error('broken listener')
      },
    })
    expect(() => onProgress({ part: 'kafka', message: 'x' })).not.toThrow()
  })
})

describe('the cache directory', () => {
  it.each([
    ['the named one', { MODEL_SERVICE_CACHE_DIR: '/big/cache', XDG_CACHE_HOME: '/xdg' }, 'linux', '/big/cache'],
    ['the XDG one', { XDG_CACHE_HOME: '/xdg', HOME: '/home/ada' }, 'linux', '/xdg/model-service'],
    [
      'home, when XDG is relative',
      { XDG_CACHE_HOME: 'xdg', HOME: '/home/ada' },
      'linux',
      '/home/ada/.cache/model-service',
    ],
    ['the one of macOS', { HOME: '/Users/ada' }, 'darwin', '/Users/ada/Library/Caches/model-service'],
  ])('is %s', (_name, env, platform, expected) => {
    expect(defaultCacheDirectory(env, platform)).toBe(expected)
  })
})

describe('OLLAMA_HOST', () => {
  it.each([
    [undefined, 'http://127.0.0.1:11434'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:9999', 'http://127.0.0.1:9999'],
    ['gpu-box', 'http://gpu-box:11434'],
    ['https://ollama.example', 'https://ollama.example'],
    ['http://ollama.example:1234/', 'http://ollama.example:1234'],
  ])('%j means %s', (host, url) => {
    expect(ollamaUrl(host)).toBe(url)
  })

  it('that is no address is refused', () => {
    expect(() => ollamaUrl('not an address')).toThrow(expect.objectContaining({ code: 'STACK_OPTIONS_INVALID' }))
  })
})
