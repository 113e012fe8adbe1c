/** `model-service worker` as a process: it serves, says that it is ready, and ends in order when asked to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, expect, inject, it } from 'vitest'
import { freePort } from '../../../src/stack/free-port.ts'
import { withDatabase } from '../../support/postgres.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const stack = inject('stack')
const topicPrefix = `worker-${randomUUID().slice(0, 8)}.`
const database = withDatabase()
const started: ChildProcess[] = []
let healthPort = 0

interface Process {
  child: ChildProcess
  /** Resolves with exit code and output. */
  ended: Promise<{ exitCode: number | null; out: string; err: string }>
}

function start(args: string[]): Process {
  const env = {
    PATH: process.env['PATH'] ?? '',
    KAFKA_BROKERS: stack.kafkaBrokers,
    SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
    DATABASE_URL: database.url,
    TOPIC_PREFIX: topicPrefix,
    KAFKA_GROUP_ID: `${topicPrefix}workers`,
    HEALTH_PORT: String(healthPort),
  }
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<{ exitCode: number | null; out: string; err: string }>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, out, err }))
  })
  return { child, ended }
}

async function readiness(): Promise<number> {
  return await fetch(`http://127.0.0.1:${healthPort}/readyz`).then(
    ({ status }) => status,
    () => 0,
  )
}

beforeAll(async () => {
  healthPort = await freePort()
})
afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await closed
  }
})

it('refuses to serve while topics are missing, and says what to run', async () => {
  const { exitCode, err } = await start(['worker']).ended
  expect(err).toContain('TOPIC_MISSING')
  expect(err).toContain('model-service topics apply')
  expect(exitCode).toBe(1)
})

it('serves a command and a request, and ends in order at SIGTERM', async () => {
  expect((await start(['topics', 'apply', '--partitions', '2']).ended).exitCode).toBe(0)
  expect((await start(['schemas', 'register']).ended).exitCode).toBe(0)
  const worker = start(['worker'])
  await expect.poll(readiness, { timeout: 30_000, interval: 100 }).toBe(200)

  const registered = await start([
    'models',
    'register',
    'mine',
    '--provider',
    'openai',
    '--capability',
    'CHAT',
    '--json',
  ]).ended
  expect(JSON.parse(registered.out)).toMatchObject({ status: 'APPLIED', entityId: 'mine' })
  const listed = await start(['models', 'get', 'mine', '--json']).ended
  expect(JSON.parse(listed.out)).toMatchObject({ definition: { id: 'mine', provider: 'openai' } })

  // No key is configured, so the request ends without a call: the way through all of the worker, for free.
  const sent = await start(['send', '--model', 'mine', '--prompt', 'a-secret-prompt', '--json']).ended
  expect(JSON.parse(sent.out)).toMatchObject({ status: 'FAILED', error: { code: 'PROVIDER_AUTHENTICATION' } })
  expect(sent.exitCode).toBe(1)

  const second = await start(['worker']).ended
  expect(second.err).toMatch(new RegExp(`CONFIGURATION_INVALID: HEALTH_PORT ${healthPort} on 127.0.0.1 is in use`))
  expect(second.exitCode).toBe(2)

  expect((await start(['replay', '--mode', 'audit']).ended).exitCode).toBe(0)

  worker.child.kill('SIGTERM')
  const { exitCode, out, err } = await worker.ended
  expect(out).toContain('The worker has stopped')
  expect(out).not.toContain('a-secret-prompt')
  expect(err).toBe('')
  expect(exitCode).toBe(0)
}, 90_000)
