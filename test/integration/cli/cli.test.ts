/** The command line against a real broker, registry and database; as a process where that is what matters. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { loadSettings } from '../../../src/config/load-settings.ts'
import { withDatabase } from '../../support/postgres.ts'
import { runCommand } from '../../support/run-command.ts'
import { type EchoWorker, startEchoWorker } from './echo-worker.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const stack = inject('stack')
const topicPrefix = `cli-${randomUUID().slice(0, 8)}.`
const database = withDatabase({ migrated: false })
let folder = ''
let worker: EchoWorker | undefined

const env = {
  USER: 'tester',
  KAFKA_BROKERS: stack.kafkaBrokers,
  SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
  TOPIC_PREFIX: topicPrefix,
}
const cli = (args: string[], changes: Record<string, string> = {}) =>
  runCommand(args, { ...env, DATABASE_URL: database.url, ...changes }, { cwd: folder })

/** The same as a process. */
function spawned(args: string[], input: string): Promise<{ exitCode: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env, DATABASE_URL: database.url }, cwd: folder, timeout: 60_000 }
    const child = execFile(process.execPath, [main, ...args], options, (error, out, err) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err })
    })
    child.stdin?.end(input)
  })
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cli-'))
})
afterAll(async () => {
  await worker?.stop()
  rmSync(folder, { recursive: true })
})

describe('deployment', () => {
  it('migrates the database, and finds nothing more to do', async () => {
    expect((await cli(['migrate', '--status'])).exitCode).toBe(1)
    expect(await cli(['migrate'])).toMatchObject({ exitCode: 0, out: expect.stringContaining('applied 2') })
    expect(await cli(['migrate', '--status'])).toMatchObject({ exitCode: 0 })
    expect(JSON.parse((await cli(['migrate', '--json'])).out)).toEqual({ applied: [] })
  })

  it('finds topics missing, creates them, and finds them in order', async () => {
    const missing = await cli(['topics', 'check', '--json'])
    expect(missing.exitCode).toBe(1)
    expect(JSON.parse(missing.out)[0]).toMatchObject({ topic: `${topicPrefix}model.requests`, status: 'missing' })
    expect(await cli(['topics', 'apply', '--partitions', '3'])).toMatchObject({ exitCode: 0 })
    expect(await cli(['topics', 'check', '--partitions', '3'])).toMatchObject({ exitCode: 0 })
    const different = await cli(['topics', 'check', '--partitions', '4'])
    expect(different).toMatchObject({ exitCode: 1, out: expect.stringContaining('partitions: 3, expected 4') })
  })

  it('says which topic is missing to who reads too early', async () => {
    const { exitCode, err } = await cli(['tail'], { TOPIC_PREFIX: 'none.' })
    expect(err).toContain(
      'TOPIC_MISSING: The topic none.model.completions cannot be found. Run `model-service topics apply`.',
    )
    expect(exitCode).toBe(1)
  })

  it('finds schemas missing, registers them, and finds them in order', async () => {
    expect((await cli(['schemas', 'check'])).exitCode).toBe(1)
    const early = await cli(['send', '--prompt', 'x'])
    expect(early).toMatchObject({ exitCode: 1, err: expect.stringContaining('SCHEMA_MISSING') })
    expect((await cli(['schemas', 'register'])).exitCode).toBe(0)
    expect((await cli(['schemas', 'check'])).exitCode).toBe(0)
  })
})

describe('in use', () => {
  beforeAll(async () => {
    worker = await startEchoWorker(loadSettings(env, ['kafka', 'schemaRegistry']))
  })

  it('sends a request in flags and prints its answer', async () => {
    const { exitCode, out, err } = await cli([
      'send',
      '--type',
      'completion',
      '--prompt',
      'hello',
      '--request-id',
      'first',
    ])
    expect(out).toBe('hello\n')
    expect(err).toContain('COMPLETED first')
    expect(exitCode).toBe(0)
  })

  it('sends a request in a file, and one from standard input, and prints JSON', async () => {
    const request = {
      requestId: 'in-a-file',
      tenant: 'acme',
      input: { type: 'CompletionInput', prompt: 'from a file' },
    }
    writeFileSync(path.join(folder, 'request.json'), JSON.stringify(request))
    const fromFile = await cli(['send', 'request.json', '--json'])
    expect(fromFile.exitCode).toBe(0)
    expect(JSON.parse(fromFile.out)).toMatchObject({
      requestId: 'in-a-file',
      tenant: 'acme',
      status: 'COMPLETED',
      completion: { text: 'from a file' },
    })
    const input = JSON.stringify({ ...request, requestId: 'piped', input: { ...request.input, prompt: 'a\u001b[2J' } })
    const piped = await spawned(['send', '-'], input)
    expect(piped.out).toBe('a\\x1b[2J\n')
  })

  it('ends with 1 for a completion that failed', async () => {
    const args = ['send', '--type', 'completion', '--prompt', 'fail', '--request-id', 'failing']
    const { exitCode, out, err } = await spawned(args, '')
    expect(out).toContain('PROVIDER_ERROR: as asked for')
    expect(err).toContain('FAILED failing')
    expect(exitCode).toBe(1)
  })

  it('ends with 3 when no completion comes in time', async () => {
    const { exitCode, err } = await cli([
      'send',
      '--prompt',
      'a chat, which nobody answers',
      '--request-id',
      'unanswered',
      '--timeout',
      '2000',
    ])
    expect(err).toContain('REQUEST_TIMEOUT: No completion of unanswered within 2000 ms')
    expect(exitCode).toBe(3)
  })

  it('tails from the beginning, filtered, counted, as JSON lines', async () => {
    const { exitCode, out } = await cli(['tail', '--from-beginning', '--tenant', 'acme', '--max-count', '2', '--json'])
    const ids = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).requestId)
    expect(ids.sort()).toEqual(['in-a-file', 'piped'])
    expect(exitCode).toBe(0)
    const one = await cli(['tail', 'completions', '--from-beginning', '--no-follow', '--request-id', 'first'])
    expect(one.out).toMatch(/COMPLETED {2}default\/first {2}COMPLETION(.|\n)*\n {2}hello\n$/)
  })

  it('sends commands and prints their results', async () => {
    const flags = ['--provider', 'openai', '--capability', 'CHAT']
    const applied = await cli(['models', 'register', 'mine', ...flags, '--json'])
    expect(JSON.parse(applied.out)).toMatchObject({ status: 'APPLIED', command: 'RegisterModel', entityId: 'mine' })
    expect(applied.exitCode).toBe(0)
    const rejected = await cli(['models', 'register', 'taken', ...flags])
    expect(rejected).toMatchObject({ exitCode: 1, out: expect.stringContaining('MODEL_ALREADY_EXISTS: it is taken') })
    const results = await cli(['tail', 'command-results', '--from-beginning', '--no-follow'])
    expect(results.out).toMatch(/APPLIED {2}RegisterModel(.|\n)*REJECTED {2}RegisterModel/)
  })

  it('reads the registry of models from the database', async () => {
    expect(await cli(['models', 'list', '--json'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('"totalCount": 0'),
    })
    expect(await cli(['models', 'get', 'none'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('MODEL_NOT_FOUND'),
    })
  })
})
