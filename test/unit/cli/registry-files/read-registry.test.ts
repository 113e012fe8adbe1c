import { describe, expect, it } from 'vitest'
import { readRegistry } from '../../../../src/cli/registry-files/read-registry.ts'

const read = (...texts: string[]) => readRegistry(texts.map((text, index) => ({ name: `f${index + 1}`, text })))
const v = 'apiVersion: model-service/v1\n'

describe('a registry file', () => {
  it('gives whole definitions, with their places', () => {
    const { PROVIDER, MODEL, ROUTE } = read(`${v}providers:
  house: { kind: openai-compatible, limits: { requestsPerMinute: 60 } }
models:
  small:
    provider: house
    capabilities: [CHAT]
    defaultParameters: { temperature: 0.25, stop: '["END"]', options: { a: [1, true, null] } }
    price: { inputPerMillionTokens: 1.250, outputPerMillionTokens: "10" }
routes:
  fast:
    targets: [{ model: small, parameters: { topK: 3 } }]
`)
    expect(PROVIDER?.get('house')?.definition).toEqual({
      id: 'house',
      kind: 'openai-compatible',
      baseUrl: null,
      keyReferences: [],
      defaultModel: null,
      limits: { maxConcurrentCalls: null, requestsPerMinute: 60, tokensPerMinute: null },
      metadata: {},
    })
    expect(MODEL?.get('small')?.definition).toMatchObject({
      status: 'ACTIVE',
      providerModel: null,
      defaultParameters: { temperature: '0.25', stop: '["END"]', options: '{"a":[1,true,null]}' },
      price: { currency: 'USD', inputPerMillionTokens: '1.25', outputPerMillionTokens: '10', perImage: null },
    })
    expect(ROUTE?.get('fast')?.definition.targets).toMatchObject([
      { model: 'small', weight: 1, parameters: { topK: '3' } },
    ])
    expect(MODEL?.get('small')?.place()).toBe('f1:5:3')
    expect(MODEL?.get('small')?.place(['capabilities', '0'])).toBe('f1:7:20')
    expect(MODEL?.get('small')?.place(['maxOutputTokens'])).toBe('f1:5:3')
  })

  it('may be JSON, several files, several documents, and name things by aliases', () => {
    const { MODEL, ROUTE } = read(
      '{"apiVersion": "model-service/v1", "models": {"a": {"provider": "openai", "capabilities": ["CHAT"]}}}',
      `${v}models:\n  b: &b { provider: openai, capabilities: [CHAT] }\n---\n${v}models:\n  1.0: { provider: openai, capabilities: [CHAT] }\n`,
      `${v}models:\n  c: &c { provider: openai, capabilities: [CHAT] }\n  d: *c\n`,
    )
    expect([...(MODEL?.keys() ?? [])]).toEqual(['a', 'b', '1.0', 'c', 'd'])
    expect(ROUTE).toBeNull()
  })

  it('knows a section without entries from none', () => {
    expect(read(`${v}models:\nroutes: {}\n`)).toEqual({ PROVIDER: null, MODEL: new Map(), ROUTE: new Map() })
  })

  it('takes names that objects have as any other', () => {
    const { PROVIDER } = read(
      `${v}providers:\n  __proto__: { kind: openai, metadata: { __proto__: x } }\n  constructor: { kind: ollama }\n`,
    )
    expect([...(PROVIDER?.keys() ?? [])]).toEqual(['__proto__', 'constructor'])
  })
})

describe('mistakes', () => {
  it.each<[string, string, string]>([
    ['nothing', '', 'f1: it is empty; expected apiVersion: model-service/v1'],
    ['a text', 'hello', 'f1:1:1: expected a map with apiVersion, providers, models, routes'],
    ['a list', '[1]', 'f1:1:1: expected a map'],
    ['no version', 'models: {}', 'f1:1:1: apiVersion: missing; expected model-service/v1'],
    [
      'another version',
      'models: {}\napiVersion: v2\n',
      'f1:2:13: apiVersion: another format; expected model-service/v1',
    ],
    ['a misspelt section', `${v}model: {}`, 'f1:2:1: model: unknown field; did you mean models?'],
    ['an unknown section', `${v}tenants: {}`, 'f1:2:1: tenants: unknown field; expected one of apiVersion, providers'],
    ['a list of models', `${v}models:\n  - id: a\n`, 'f1:3:3: models: expected a map of definitions by their ids'],
    ['a model that is a text', `${v}models:\n  a: b\n`, 'f1:3:3: models.a: expected a map of its fields'],
    ['a model of nothing', `${v}models:\n  a:\n`, 'f1:3:3: models.a: expected a map of its fields'],
    ['an id inside', `${v}models:\n  a: { id: b }\n`, 'f1:3:8: models.a.id: the id is the name above'],
    [
      'an id with a space',
      `${v}models:\n  a b: {}\n`,
      'f1:3:3: models: an id must be 1 to 128 visible ASCII characters',
    ],
    [
      'a misspelt field',
      `${v}models:\n  a:\n    provider: x\n    capabilites: [CHAT]\n`,
      'f1:5:5: models.a.capabilites: unknown field; did you mean capabilities?',
    ],
    [
      'an unknown field',
      `${v}models:\n  a: { colour: red }\n`,
      'f1:3:8: models.a.colour: unknown field; expected one of provider, providerModel',
    ],
    [
      'an unknown field inside',
      `${v}providers:\n  p:\n    limits:\n      rpm: 1\n`,
      'f1:5:7: providers.p.limits.rpm: unknown field; expected one of maxConcurrentCalls',
    ],
    [
      'a wrong type in a list',
      `${v}models:\n  a:\n    capabilities:\n      - CHAT\n      - SING\n`,
      'f1:6:9: models.a.capabilities.1: expected one of UNSPECIFIED, CHAT',
    ],
    [
      'a number for a text',
      `${v}models:\n  a: { metadata: { team: 7 } }\n`,
      'f1:3:20: models.a.metadata.team: expected string',
    ],
    [
      'a text for a number',
      `${v}models:\n  a: { contextWindow: many }\n`,
      'f1:3:8: models.a.contextWindow: expected null or a whole number',
    ],
    [
      'a price that is no decimal',
      `${v}models:\n  a: { price: { perImage: 1e-2 } }\n`,
      'f1:3:17: models.a.price.perImage: expected',
    ],
    [
      'an infinite parameter',
      `${v}models:\n  a: { defaultParameters: { x: .inf } }\n`,
      'f1:3:29: models.a.defaultParameters.x: expected string',
    ],
    [
      'a number that is too long',
      `${v}models:\n  a: { defaultParameters: { seed: 12345678901234567890 } }\n`,
      'defaultParameters.seed: expected string',
    ],
    ['a key twice', `${v}models:\n  a: {}\n  a: {}\n`, 'f1:4:3: Map keys must be unique'],
    ['broken YAML', `${v}models: [`, 'f1:2:10: '],
    ['a key that is a map', `${v}models:\n  ? { a: 1 }\n  : {}\n`, 'f1:3:5: '],
    ['an alias of nothing', `${v}models:\n  a: *b\n`, 'f1:'],
    ['a variable', `${v}providers:\n  p: { kind: $KIND, baseUrl: [$URL] }\n`, 'providers.p.baseUrl: expected'],
  ])('%s: refused, with its place', (_, text, message) => {
    expect(() => read(text)).toThrow(message)
  })

  it('are told all at once, the first twenty', () => {
    const fields = Array.from({ length: 25 }, (_, index) => `    x${index}: 1`).join('\n')
    let message = ''
    try {
      read(`${v}models:\n  a:\n${fields}\n`)
    } catch (error) {
      message = String(error)
    }
    expect(message.match(/unknown field/g)).toHaveLength(20)
    expect(message).toContain('\nand 5 more')
  })

  it('an id that comes twice is refused with both places', () => {
    const one = `${v}models:\n  a: { provider: openai, capabilities: [CHAT] }\n`
    expect(() => read(one, `${v}\n\n${one.slice(v.length)}`)).toThrow(
      'f2:5:3: models.a: it is there already, at f1:3:3',
    )
  })

  it('aliases that unfold to billions are refused quickly', () => {
    const levels = Array.from(
      { length: 12 },
      (_, index) => `  l${index + 1}: &l${index + 1} [${`*l${index}, `.repeat(10)}]`,
    )
    expect(() => read(`${v}models:\n  l0: &l0 [x]\n${levels.join('\n')}\n`)).toThrow('aliases')
  })

  it('depth without end is refused', () => {
    expect(() => read(`${v}models: ${'['.repeat(100_000)}`)).toThrow(/f1:/)
  })
})
