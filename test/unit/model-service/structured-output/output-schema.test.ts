import { describe, expect, test } from 'vitest'
import { ModelServiceError } from '../../../../src/errors/model-service-error.ts'
import {
  maxSchemaLength,
  OutputSchema,
  outputSchemaOf,
} from '../../../../src/model-service/structured-output/output-schema.ts'

const compile = (schema: unknown) => new OutputSchema(JSON.stringify(schema), 'schema')

function refusal(text: string): string {
  try {
    new OutputSchema(text, 'schema')
  } catch (error) {
    expect(error).toBeInstanceOf(ModelServiceError)
    expect(error).toMatchObject({ code: 'INVALID_REQUEST' })
    return (error as ModelServiceError).message
  }
  throw new Error('The schema was not refused.')
}

const person = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 0 } },
  required: ['name', 'age'],
  additionalProperties: false,
}

describe('answers', () => {
  test('that fit have no problems', () => {
    expect(compile(person).problemsOf(' {"name": "Ada", "age": 36}\n')).toEqual([])
  })

  test('that do not fit are told by the rules of the schema, and by place for the model', () => {
    expect(compile(person).problemsOf('{"age": -1, "secret": 1}')).toEqual([
      { rule: '#/required', expected: "must have required property 'name'", place: '', surplus: null },
      {
        rule: '#/additionalProperties',
        expected: 'must NOT have additional properties',
        place: '',
        surplus: 'secret',
      },
      { rule: '#/properties/age/minimum', expected: 'must be >= 0', place: '/age', surplus: null },
    ])
  })

  test.each(['', '```json\n{}\n```', '{"name": "Ada"', 'Sure!', '{"name":"\ud800'])(
    'that are not JSON are told without their text: %j',
    (text) => {
      expect(compile(person).problemsOf(text)).toEqual([
        { rule: '#', expected: 'must be JSON text', place: '', surplus: null },
      ])
    },
  )

  test('that are large are told by their first problem alone', () => {
    const schema = compile({ type: 'array', items: { type: 'string' } })
    const answer = (count: number) => JSON.stringify(Array.from({ length: count }, () => 1))
    expect(schema.problemsOf(answer(1_000))).toHaveLength(1_000)
    expect(schema.problemsOf(answer(100_000))).toHaveLength(1)
  })

  test('that are nested without end are told, not thrown', () => {
    const schema = compile({
      $defs: { tree: { type: 'array', items: { $ref: '#/$defs/tree' } } },
      $ref: '#/$defs/tree',
    })
    const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(schema.problemsOf(deep(100))).toEqual([])
    expect(schema.problemsOf(deep(60_000))[0]?.expected).toContain('nested too deep')
  })

  test('have a property only when it is their own', () => {
    const schema = compile({ type: 'object', required: ['constructor', '__proto__'] })
    expect(schema.problemsOf('{}')).toHaveLength(2)
    expect(schema.problemsOf('{"constructor": 1, "__proto__": 2}')).toEqual([])
  })

  test('that a pattern takes for ever to judge are given up', () => {
    const schema = compile({ type: 'string', pattern: '^(a+)+$' })
    expect(schema.problemsOf('"aaaa"')).toEqual([])
    expect(schema.problemsOf(JSON.stringify(`${'a'.repeat(60)}b`))[0]?.expected).toContain('took more than')
  })
})

describe('dialects', () => {
  test('are 2020-12 where the schema says nothing, and draft-07', () => {
    const tuple = [{ type: 'string' }, { type: 'number' }]
    const newer = { type: 'array', prefixItems: tuple, items: false }
    const older = { type: 'array', items: tuple, additionalItems: false }
    for (const schema of [
      newer,
      { $schema: 'https://json-schema.org/draft/2020-12/schema', ...newer },
      { $schema: 'http://json-schema.org/draft-07/schema#', ...older },
      { $schema: 'https://json-schema.org/draft-07/schema', ...older },
    ]) {
      expect(compile(schema).problemsOf('["a", 1]')).toEqual([])
      expect(compile(schema).problemsOf('["a", "b"]')).toHaveLength(1)
      expect(compile(schema).problemsOf('["a", 1, 2]')).toHaveLength(1)
    }
  })

  test('that are unknown are refused by name of the known ones', () => {
    expect(refusal('{"$schema":"http://json-schema.org/draft-04/schema#"}')).toContain('draft-07')
    expect(refusal('{"$schema":7}')).toContain('2020-12')
  })
})

describe('schemas', () => {
  test('may refer to themselves, have an id, unknown keywords and unknown formats', () => {
    const schema = compile({
      $id: 'https://example.org/tree',
      type: 'object',
      properties: { children: { type: 'array', items: { $ref: '#' } }, at: { type: 'string', format: 'whenever' } },
      'x-order': ['at'],
    })
    expect(schema.problemsOf('{"at": "now", "children": [{"children": []}]}')).toEqual([])
    expect(schema.problemsOf('{"children": [{"children": 1}]}')).toHaveLength(1)
    // The same id again is another schema.
    expect(compile({ $id: 'https://example.org/tree', type: 'string' }).problemsOf('"a"')).toEqual([])
  })

  test.each([
    ['no JSON', '{"type"', 'JSON text'],
    ['no object', '[]', 'an object'],
    ['an unknown type', '{"type":"objekt"}', 'is no JSON Schema: /type'],
    ['a keyword of the wrong type', '{"properties":{"a":{"minLength":"3"}}}', '/properties/a/minLength'],
    ['a pattern that is none', '{"pattern":"("}', 'does not compile|pattern'],
    ['a pattern without flag u', '{"pattern":"\\\\-"}', 'flag u'],
    ['another place', '{"$ref":"https://example.org/schema.json"}', 'outside of itself'],
    ['a file', '{"items":{"$ref":"file:///etc/passwd"}}', 'outside of itself'],
    ['the schema of schemas', '{"$ref":"https://json-schema.org/draft/2020-12/schema"}', 'outside of itself'],
    ['a place that it lacks', '{"$ref":"#/$defs/none"}', 'outside of itself'],
    ['itself without end', '{"$ref":"#"}', 'refers to itself without end'],
    ['itself without end, twice', '{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}', 'refers to itself without end'],
    ['an asynchronous judge', '{"$async":true}', 'async'],
    ['an asynchronous part', '{"$defs":{"a":{"$async":true}},"$ref":"#/$defs/a"}', 'async'],
  ])('that are or refer to %s are refused', (_what, text, message) => {
    expect(refusal(text)).toMatch(new RegExp(message.replace('$', '\\$')))
  })

  test('that are too large are refused before they are parsed', () => {
    expect(refusal(`{"type":"string"}${' '.repeat(maxSchemaLength)}`)).toContain(`at most ${maxSchemaLength}`)
  })

  test('that are nested too deep are refused', () => {
    const depth = 7_000
    expect(refusal(`${'{"not":'.repeat(depth)}{}${'}'.repeat(depth)}`)).toContain('nested too deep')
  })

  test('that multiply by reference are refused in time, whatever the answer', () => {
    const doubled = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => {
        const next = { $ref: `#/$defs/d${index + 1}` }
        return [`d${index}`, { anyOf: [next, next] }]
      }),
    )
    const schema = { $ref: '#/$defs/d0', $defs: { ...doubled, d40: { type: 'string', minLength: 9 } } }
    const begun = performance.now()
    expect(refusal(JSON.stringify(schema))).toContain('took more than')
    expect(performance.now() - begun).toBeLessThan(5_000)
  })

  test('that repeat a large part by reference do not multiply it', () => {
    const large = {
      properties: Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`p${i}`, { minLength: 1 }])),
    }
    const uses = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`u${i}`, { $ref: '#/$defs/large' }]))
    const schema = compile({ $defs: { large }, properties: uses })
    expect(schema.problemsOf('{"u7":{"p9":""}}')).toHaveLength(1)
  })
})

describe('the last schemas', () => {
  const text = (index: number) => JSON.stringify({ type: 'string', title: `kept ${index}` })

  test('are kept, the one used longest ago goes first', () => {
    const first = outputSchemaOf(text(0), 'schema')
    const second = outputSchemaOf(text(1), 'schema')
    for (let index = 2; index < 100; index++) outputSchemaOf(text(index), 'schema')
    expect(outputSchemaOf(text(0), 'schema')).toBe(first)
    outputSchemaOf(text(100), 'schema')
    expect(outputSchemaOf(text(0), 'schema')).toBe(first)
    expect(outputSchemaOf(text(1), 'schema')).not.toBe(second)
  })

  test('are bounded by their size together', () => {
    const first = outputSchemaOf(text(0), 'schema')
    const padded = (index: number) => text(index).padEnd(maxSchemaLength)
    for (let index = 200; index < 220; index++) outputSchemaOf(padded(index), 'schema')
    expect(outputSchemaOf(text(0), 'schema')).not.toBe(first)
  })

  test('include those that were refused', () => {
    const attempt = () => {
      try {
        outputSchemaOf('{"type":"objekt"}', 'schema')
      } catch (error) {
        return error
      }
      throw new Error('The schema was not refused.')
    }
    expect(attempt()).toBe(attempt())
  })
})
