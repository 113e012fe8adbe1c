import { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { createLogger, secretsOf } from '../../../src/observability/logger.ts'

/** What a logger writes for one call. */
function logged(fields: Record<string, unknown>, message = 'something happened', secrets: string[] = []): string {
  let written = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk)
      done()
    },
  })
  createLogger({ level: 'debug', secrets, destination, base: { workerId: 'w1' } }).info(fields, message)
  return written
}

describe('createLogger', () => {
  it('writes one JSON object a line: level, time, base fields, fields, message', () => {
    const line = logged({ requestId: 'r1', durationMs: 12 })
    expect(line.endsWith('}\n')).toBe(true)
    const { time, ...rest } = JSON.parse(line)
    expect(rest).toEqual({ level: 'info', workerId: 'w1', requestId: 'r1', durationMs: 12, msg: 'something happened' })
    expect(new Date(time).toISOString()).toBe(time)
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['an API key', { apiKey: 'secret-one' }, 'secret-one'],
    ['an authorization header', { headers: { Authorization: 'secret-one' } }, 'secret-one'],
    ['an x-api-key header, deep inside', { a: { b: { c: [{ 'x-api-key': 'secret-one' }] } } }, 'secret-one'],
    ["Google's key header", { headers: { 'x-goog-api-key': 'secret-one' } }, 'secret-one'],
    ['a bearer value under any name', { note: 'Authorization: Bearer secret-one-x' }, 'secret-one'],
    ['a provider key inside a text', { note: 'used sk-proj-abcdefghijklmnop1234' }, 'abcdefghijkl'],
    ['a key in a query', { url: 'https://host/v1?alt=sse&key=secret-one' }, 'secret-one'],
    ['the password of a database URL', { url: 'postgresql://user:secret-one@host:5432/db' }, 'secret-one'],
    ['the password in an error', { err: new Error('cannot reach postgres://u:secret-one@h/d') }, 'secret-one'],
    [
      'the password in the cause of an error',
      { err: new ModelServiceError('DATABASE_UNAVAILABLE', 'x', { cause: new Error('postgres://u:secret-one@h/d') }) },
      'secret-one',
    ],
    [
      'fields that a foreign error carries',
      { err: Object.assign(new Error('no'), { config: { key: 'tell-tale' } }) },
      'tell-tale',
    ],
    ['a password', { sasl: { password: 'secret-one' } }, 'secret-one'],
    ['a token that is text', { token: 'secret-one' }, 'secret-one'],
    ['a prompt', { prompt: 'tell-tale' }, 'tell-tale'],
    ['messages of a chat', { input: { messages: [{ content: [{ text: 'tell-tale' }] }] } }, 'tell-tale'],
    ['an answer', { completion: { chat: { text: 'tell-tale' } } }, 'tell-tale'],
    ['texts of an embedding', { request: { texts: ['tell-tale'] } }, 'tell-tale'],
    ['arguments of a tool call', { toolCalls: [{ arguments: '{"x":"tell-tale"}' }] }, 'tell-tale'],
    ['the body of an answer', { response: { body: 'tell-tale' } }, 'tell-tale'],
    ['bytes', { record: Buffer.from('tell-tale') }, 'tell-tale'],
    ['feedback', { comment: 'tell-tale', correction: 'tell-tale' }, 'tell-tale'],
  ])('never writes %s', (_, fields, secret) => {
    const line = logged(fields)
    expect(line).not.toContain(secret)
    expect(() => JSON.parse(line)).not.toThrow()
  })

  it('never writes a configured secret, whatever it stands in, message included', () => {
    const secret = 'it "is" odd'
    const line = logged({ note: `the value ${secret} leaked` }, `again ${secret}`, [secret])
    expect(line).not.toContain('odd')
    expect(JSON.parse(line).note).toBe('the value [redacted] leaked')
  })

  it('keeps counts, ids and the fencing token', () => {
    const fields = { token: 3, outputTokens: 12, output: 5, key: 'r1', model: 'gpt-4o', code: 'RATE_LIMITED' }
    expect(JSON.parse(logged(fields))).toMatchObject(fields)
  })

  it('unfolds an error: name, code, message, stack, cause', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const { err } = JSON.parse(logged({ err: new ModelServiceError('BROKER_UNAVAILABLE', 'away', { cause }) }))
    expect(err).toMatchObject({ type: 'ModelServiceError', code: 'BROKER_UNAVAILABLE', message: 'away' })
    expect(err.cause).toMatchObject({ code: 'ECONNREFUSED', message: 'refused' })
    expect(err.stack).toContain('logger.test')
  })

  it('survives circles', () => {
    const circle: Record<string, unknown> = { name: 'a' }
    circle['self'] = circle
    expect(JSON.parse(logged({ circle })).circle.name).toBe('a')
  })
})

it('finds the secrets of an environment by name', () => {
  const env = { MODEL_KEY_OPENAI: 'k1', KAFKA_SASL_PASSWORD: 'k2', EMPTY_PASSWORD: '', KAFKA_BROKERS: 'a:1' }
  expect(secretsOf(env)).toEqual(['k1', 'k2'])
})
