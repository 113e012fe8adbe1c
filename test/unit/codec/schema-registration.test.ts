import { describe, expect, test } from 'vitest'
import { openRecordEncoder } from '../../../src/codec/record-encoder.ts'
import { checkSchemas, contractProblems, registerSchemas } from '../../../src/codec/schema-registration.ts'
import { type TopicDefinition, topics } from '../../../src/contract/topics.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'

/** A registry in memory: subjects with texts and levels. */
function memoryRegistry() {
  const subjects = new Map<string, { texts: string[]; level: string | null }>()
  const ids: string[] = []
  let refused = ''
  return {
    subjects,
    refuse: (subject: string) => {
      refused = subject
    },
    async findId(subject: string, text: string) {
      return subjects.get(subject)?.texts.includes(text) === true ? ids.indexOf(text) + 1 : null
    },
    async register(subject: string, text: string, level: string) {
      if (subject === refused) throw new ModelServiceError('SCHEMA_INCOMPATIBLE', 'no')
      const entry = subjects.get(subject) ?? { texts: [], level }
      entry.texts.push(text)
      entry.level = level
      subjects.set(subject, entry)
      if (!ids.includes(text)) ids.push(text)
      return ids.indexOf(text) + 1
    },
    async compatibilityLevel(subject: string) {
      return subjects.get(subject)?.level ?? null
    },
    async incompatibilities(subject: string) {
      if (!subjects.has(subject)) return null
      return subject === refused ? ['READER_FIELD_MISSING_DEFAULT_VALUE'] : []
    },
  }
}

const records = (Object.values(topics) as TopicDefinition[]).flatMap(({ record, compatibility }) =>
  record === null || compatibility === null ? [] : [[record, compatibility] as const],
)

describe('the contract', () => {
  test.each(records)('%s keeps the rules of %s', (record, level) => {
    expect(contractProblems(record, level)).toEqual([])
  })

  test('a request would break the rules of what we publish', () => {
    expect(contractProblems('ModelRequest', 'FULL_TRANSITIVE')).toEqual(
      expect.arrayContaining([
        'ModelRequest.requestId: a published field has a default',
        'ModelRequest.input: a published union has one branch beside null',
      ]),
    )
  })
})

describe('registering', () => {
  test('every subject once, under its own level, and again without a change', async () => {
    const registry = memoryRegistry()
    const first = await registerSchemas({ registry, topicPrefix: 'p.' })
    expect(first.map(({ subject, status }) => `${subject} ${status}`)).toEqual([
      'p.model.requests-value registered',
      'p.model.commands-value registered',
      'p.model.completions-value registered',
      'p.model.chunks-value registered',
      'p.model.replies-value registered',
      'p.model.performance-value registered',
      'p.model.registry-value registered',
      'p.model.command-results-value registered',
    ])
    expect(registry.subjects.get('p.model.requests-value')?.level).toBe('BACKWARD_TRANSITIVE')
    const second = await registerSchemas({ registry, topicPrefix: 'p.' })
    expect(second.map(({ status }) => status)).toEqual(Array(records.length).fill('unchanged'))
  })

  test('an incompatible subject is a row, and the others are registered', async () => {
    const registry = memoryRegistry()
    registry.refuse('model.chunks-value')
    const rows = await registerSchemas({ registry, topicPrefix: '' })
    expect(rows.filter(({ status }) => status === 'failed').map(({ record }) => record)).toEqual(['ModelChunk'])
    expect(rows.filter(({ status }) => status === 'registered')).toHaveLength(records.length - 1)
  })
})

describe('checking', () => {
  test('says what is missing, changed or incompatible', async () => {
    const registry = memoryRegistry()
    expect((await checkSchemas({ registry, topicPrefix: '' })).map(({ status }) => status)).toEqual(
      Array(records.length).fill('missing'),
    )
    await registerSchemas({ registry, topicPrefix: '' })
    registry.subjects.set('model.requests-value', { texts: ['older'], level: 'NONE' })
    registry.refuse('model.requests-value')
    const rows = await checkSchemas({ registry, topicPrefix: '' })
    expect(rows.filter(({ status }) => status === 'unchanged')).toHaveLength(records.length - 1)
    expect(rows[0]?.problems).toEqual([
      "the subject's level is NONE, expected BACKWARD_TRANSITIVE",
      'incompatible with the latest version: READER_FIELD_MISSING_DEFAULT_VALUE',
    ])
  })
})

test('an encoder without its schema says how to get it', async () => {
  const opened = openRecordEncoder('ModelChunk', 'chunks', { registry: memoryRegistry(), topicPrefix: 'p.' })
  await expect(opened).rejects.toMatchObject({
    code: 'SCHEMA_MISSING',
    message: expect.stringMatching(/p\.model\.chunks-value.*model-service schemas register/),
  })
})

test('further request topics get the schema of requests under their own subjects, once', async () => {
  const registry = memoryRegistry()
  const options = { registry, topicPrefix: 'x.', requestTopics: ['model.requests', 'chats'] }
  const rows = await registerSchemas(options)
  const requests = rows.filter(({ record }) => record === 'ModelRequest')
  expect(requests.map(({ subject }) => subject)).toEqual(['x.model.requests-value', 'x.chats-value'])
  expect(new Set(requests.map(({ schemaId }) => schemaId)).size).toBe(1)
  expect((await checkSchemas(options)).every(({ status }) => status === 'unchanged')).toBe(true)
})
