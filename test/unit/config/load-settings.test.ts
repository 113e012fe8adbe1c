import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Environment, loadSettings } from '../../../src/config/load-settings.ts'
import { settingsSchema } from '../../../src/config/settings-schema.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'

const minimal = {
  KAFKA_BROKERS: 'one:9092,two:9093',
  SCHEMA_REGISTRY_URL: 'http://registry:8081/apis/ccompat/v7',
  DATABASE_URL: 'postgresql://user:pass-word@db:5432/service',
}

function problemsOf(env: Environment): string {
  try {
    loadSettings(env)
  } catch (error) {
    expect(error).toBeInstanceOf(ModelServiceError)
    expect(error).toMatchObject({ code: 'CONFIGURATION_INVALID' })
    return error instanceof Error ? error.message : ''
  }
  throw new Error('the settings were accepted')
}

describe('loadSettings', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'settings-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('needs three addresses and defaults the rest', () => {
    const settings = loadSettings(minimal)
    expect(settings.kafka.brokers).toEqual(['one:9092', 'two:9093'])
    expect(settings.delivery).toMatchObject({ mode: 'ledger', ledgerRetentionDays: 40 })
    expect(settings.intake).toMatchObject({
      maxConcurrentRequestsCount: 64,
      windowCount: 1000,
      windowBytes: 67_108_864,
    })
    expect(settings.models.attemptTimeoutMs).toBe(600_000)
    expect(settings.models.defaultModel).toBeNull()
  })

  it('freezes what it gives', () => {
    const settings = loadSettings(minimal)
    expect(Object.isFrozen(settings)).toBe(true)
    expect(Object.values(settings).every((group) => Object.isFrozen(group))).toBe(true)
    expect(Object.isFrozen(settings.kafka.brokers)).toBe(true)
  })

  it('reports all problems at once, with name, what was given and what was expected', () => {
    const message = problemsOf({
      SCHEMA_REGISTRY_URL: 'ftp://registry',
      DATABASE_URL: minimal.DATABASE_URL,
      LOG_LEVEL: 'loud',
      WINDOW_COUNT: '-1',
      KAFKA_TLS_ENABLED: 'yes',
    })
    expect(message).toContain('5 settings are missing or invalid')
    expect(message).toContain('KAFKA_BROKERS is not set: expected addresses host:port')
    expect(message).toContain('SCHEMA_REGISTRY_URL is "ftp://registry": expected a URL that begins with http://')
    expect(message).toContain('LOG_LEVEL is "loud": expected one of debug, info')
    expect(message).toContain('WINDOW_COUNT is "-1": expected a whole number from 1')
    expect(message).toContain('KAFKA_TLS_ENABLED is "yes": expected true or false')
  })

  it('never shows the value of a secret', () => {
    const message = problemsOf({ ...minimal, DATABASE_URL: 'mysql://root:hunter2hunter2@db/x' })
    expect(message).toContain('DATABASE_URL has a value that is not shown: expected a URL that begins with postgres://')
    expect(message).not.toContain('hunter2')
    expect(message).not.toContain('root')
  })

  it('reads values by name', () => {
    const env = { REQUEST_LOG_TENANT_BODIES: 'acme=none, beta=hash', TOPIC_RETENTION_DAYS: 'model.completions=400' }
    const { requestLog, kafka } = loadSettings({ ...minimal, ...env })
    expect(requestLog).toMatchObject({
      bodies: 'full',
      tenantBodies: new Map([
        ['acme', 'none'],
        ['beta', 'hash'],
      ]),
    })
    expect(kafka.topicRetentionDays).toEqual(new Map([['model.completions', 400]]))
    const message = problemsOf({ ...minimal, REQUEST_LOG_TENANT_BODIES: 'acme=some,beta=hash,beta=none' })
    expect(message).toContain('(acme=some does not fit; beta is named twice): expected tenants')
  })

  it('takes an empty variable for one that is not set', () => {
    expect(loadSettings({ ...minimal, KAFKA_SASL_MECHANISM: '', WINDOW_COUNT: '' }).intake.windowCount).toBe(1000)
  })

  it.each<[string, Environment, string]>([
    ['only some of SASL', { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'me' }, 'expected all or none'],
    ['a certificate without key', { KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CERT_FILE: '/c' }, 'expected both or neither'],
    ['certificates without TLS', { KAFKA_TLS_CA_FILE: '/ca' }, 'expected KAFKA_TLS_ENABLED=true'],
    ['a registry user without password', { SCHEMA_REGISTRY_USERNAME: 'me' }, 'expected both or neither'],
    ['a registry authority without TLS', { SCHEMA_REGISTRY_CA_FILE: '/ca' }, 'begins with https://'],
    [
      'a window below the concurrency',
      { WINDOW_COUNT: '10' },
      'expected at least MAX_CONCURRENT_REQUESTS_COUNT, which is 64',
    ],
    [
      'a retention of a topic that there is not',
      { REQUEST_TOPICS: 'chats', TOPIC_RETENTION_DAYS: 'chats=3,model.registry=1,model.requests=2,mine=0' },
      'TOPIC_RETENTION_DAYS names model.registry, mine: expected names out of',
    ],
  ])('holds fields to each other: %s', (_, env, expected) => {
    expect(problemsOf({ ...minimal, ...env })).toContain(expected)
  })

  it('reads a secret from a file, without the line end', () => {
    const file = path.join(folder, 'password')
    writeFileSync(file, 'from a file\n')
    const settings = loadSettings({
      ...minimal,
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD_FILE: file,
    })
    expect(settings.kafka.saslPassword).toBe('from a file')
  })

  it.each([
    ['a missing file', { KAFKA_SASL_PASSWORD_FILE: '/does/not/exist' }, 'expected a file that can be read (ENOENT)'],
    [
      'both forms',
      { DATABASE_URL_FILE: '/x' },
      'DATABASE_URL and DATABASE_URL_FILE are both set: expected one of them',
    ],
  ])('refuses %s of a secret', (_, env, expected) => {
    expect(problemsOf({ ...minimal, ...env })).toContain(expected)
  })

  it('reads only the groups that are asked for', () => {
    expect(loadSettings({ KAFKA_BROKERS: 'a:1', LOG_LEVEL: 'loud' }, ['kafka']).kafka.brokers).toEqual(['a:1'])
  })
})

describe('the table of settings', () => {
  const settings = Object.values(settingsSchema).flatMap((group) => Object.values(group.settings))

  it('has each variable once', () => {
    const names = settings.map(({ env }) => env)
    expect(names).toEqual([...new Set(names)])
  })

  it.each(settings.map((setting) => [setting.env, setting] as const))('%s: default, 0 and unit fit', (_, setting) => {
    if (setting.default !== null) expect(setting.type.schema.safeParse(setting.default).success).toBe(true)
    if (setting.type.allowsZero === true) expect(setting.zero).not.toBeNull()
    else expect(setting.zero).toBeNull()
    if (setting.required) expect(setting.example).not.toBeNull()
    expect(setting.description).toMatch(/\.$/)
  })
})
