import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { isAlive, type ProcessIdentity } from '../../../src/stack/process-identity.ts'
import { type StackOptions, stackStatus, startStack, stopStack } from '../../../src/stack/stack.ts'
import { readState, type StackState } from '../../../src/stack/stack-state.ts'
import { createTopics } from '../../support/create-topics.ts'
import { until } from '../../support/until.ts'

const START_LIMIT_MS = 120_000
const program = fileURLToPath(new URL('./start-stack.ts', import.meta.url))

let dataDirectory: string
const children: ChildProcess[] = []

beforeEach(() => {
  dataDirectory = mkdtempSync(path.join(os.tmpdir(), 'stack-test-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  // What a failed test has left running.
  await until(
    () =>
      stopStack(dataDirectory).then(
        () => true,
        () => false,
      ),
    'the stack to let itself be ended',
  )
  rmSync(dataDirectory, { recursive: true, force: true })
})

/** Servers of our own, whatever the run's shared stack has put into the environment; no models. */
function serversOnly(): Partial<StackOptions> {
  return { dataDirectory, given: {}, models: 'none' }
}

describe('a stack of servers', () => {
  it('ends what is left of one that was cut off while starting, answers, keeps others out of its directory, and leaves nothing behind', {
    timeout: 2 * START_LIMIT_MS,
  }, async () => {
    const child = run({ ...serversOnly(), detached: true })
    await until(() => processesOf(readState(dataDirectory)).length > 0, 'a first process')
    child.process.kill('SIGKILL')
    await until(() => child.process.signalCode !== null, 'its owner to be gone')
    const left = processesOf(readState(dataDirectory))
    expect(left.some(isAlive)).toBe(true)

    const messages: string[] = []
    const stack = await startStack({ ...serversOnly(), onProgress: ({ message }) => messages.push(message) })
    expect(messages[0]).toMatch(/left of an earlier stack/)
    expect(left.filter(isAlive)).toEqual([])
    const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = stack.addresses
    expect(stack.parts.map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
      'kafka running',
      'postgres running',
      'registry running',
    ])

    const kafka = new Kafka({ brokers: [kafkaBrokers], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    const producer = kafka.producer()
    await admin.connect()
    await producer.connect()
    await createTopics(admin, [{ topic: 'large', configEntries: [{ name: 'max.message.bytes', value: '8500000' }] }])
    const [sent] = await producer.send({ topic: 'large', messages: [{ value: Buffer.alloc(8 * 1024 * 1024) }] })
    expect(sent?.errorCode).toBe(0)
    await producer.disconnect()
    await admin.disconnect()

    const config = await fetch(`${schemaRegistryUrl}/config`)
    expect(await config.json()).toMatchObject({ compatibilityLevel: 'BACKWARD' })

    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const { rows } = await client.query('SHOW server_version')
    expect(rows[0].server_version).toMatch(/^18\./)
    // A client that stays must not hold up the end of the stack; PostgreSQL tells it that it is gone.
    client.on('error', () => {})

    await expect(startStack(serversOnly())).rejects.toMatchObject({ code: 'STACK_BUSY' })

    const processes = processesOf(readState(dataDirectory))
    expect(processes).toHaveLength(3)
    expect(stack.stop()).toBe(stack.stop())
    await stack.stop()
    expect(processes.filter(isAlive)).toEqual([])
    expect(readdirSync(dataDirectory)).toEqual(['logs'])
    expect(await stackStatus(dataDirectory)).toEqual([])
  })

  it('ends when its owner is killed, and can be started again: detached, it outlives its owner, is found up, and is ended by name', {
    timeout: 2 * START_LIMIT_MS,
  }, async () => {
    const owned = run({ ...serversOnly() })
    expect(await owned.answer).toHaveProperty('addresses')
    const ended = processesOf(readState(dataDirectory))
    expect(ended.filter(isAlive)).toHaveLength(3)
    owned.process.kill('SIGKILL')
    await until(() => !ended.some(isAlive), 'its processes to end')

    const child = run({ ...serversOnly(), detached: true })
    const answer = await child.answer
    child.process.kill('SIGKILL')
    await until(() => child.process.signalCode !== null, 'its owner to be gone')
    expect((await stackStatus(dataDirectory)).map(({ state }) => state)).toEqual(['running', 'running', 'running'])

    const found = await startStack({ ...serversOnly(), detached: true })
    expect(found.alreadyRunning).toBe(true)
    expect(found.addresses).toEqual(Reflect.get(Object(answer), 'addresses'))

    const processes = processesOf(readState(dataDirectory))
    expect(await stopStack(dataDirectory)).toMatchObject({ found: true })
    expect(processes.filter(isAlive)).toEqual([])
    expect(await stopStack(dataDirectory)).toEqual({ found: false, ended: [] })
  })
})

describe('what is missing', () => {
  it('is named: Java, with the ways out', async () => {
    const answer = run(serversOnly(), { PATH: pathWith('id'), JAVA_HOME: '' }).answer
    expect(await answer).toMatchObject({
      code: 'STACK_JAVA_MISSING',
      message: expect.stringMatching(/MODEL_SERVICE_TEST/),
    })
    expect(existsSync(path.join(dataDirectory, 'state.json'))).toBe(false)
  })

  it('is named: Maven, when the cache is empty', async () => {
    const options = { ...serversOnly(), cacheDirectory: path.join(dataDirectory, 'cache') }
    expect(await run(options, { PATH: pathWith('id', 'java') }).answer).toMatchObject({ code: 'STACK_MAVEN_MISSING' })
  })

  it('is named: the cache, when nothing may be downloaded', async () => {
    const options = { ...serversOnly(), cacheDirectory: path.join(dataDirectory, 'cache'), offline: true }
    expect(await run(options).answer).toMatchObject({ code: 'STACK_OFFLINE_CACHE_MISS' })
  })

  it('is replaced by the double, with the reason: weights', async () => {
    const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = inject('stack')
    const options: Partial<StackOptions> = {
      dataDirectory,
      given: { kafkaBrokers, schemaRegistryUrl, databaseUrl },
      ollamaUrl: 'http://127.0.0.1:9',
      weightsRequired: false,
    }
    expect(await run(options, { PATH: pathWith('id') }).answer).toMatchObject({
      addresses: { models: { chat: { source: 'double', reason: expect.stringMatching(/Python 3\.10/) } } },
    })
  })

  it('is an error where weights are required', async () => {
    const { kafkaBrokers, schemaRegistryUrl, databaseUrl } = inject('stack')
    const options: Partial<StackOptions> = {
      dataDirectory,
      given: { kafkaBrokers, schemaRegistryUrl, databaseUrl },
      ollamaUrl: 'http://127.0.0.1:9',
    }
    const answer = run(options, { PATH: pathWith('id'), CI: 'true' }).answer
    expect(await answer).toMatchObject({ code: 'STACK_WEIGHTS_REQUIRED' })
  })
})

function processesOf(state: StackState | undefined): ProcessIdentity[] {
  return state?.parts.flatMap((part) => (part.process === undefined ? [] : [part.process])) ?? []
}

/** Runs the program of this folder. `answer` is its first line, parsed. */
function run(
  options: Partial<StackOptions>,
  env: Record<string, string> = {},
): { process: ChildProcess; answer: Promise<unknown> } {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  const answer = new Promise<unknown>((resolve, reject) => {
    lines.once('line', (line) => resolve(JSON.parse(line)))
    lines.once('close', () => reject(new Error('the program ended without an answer')))
  })
  // A test that kills the program early never looks at it.
  answer.catch(() => {})
  return { process: child, answer }
}

/** A PATH with nothing but these programs. */
function pathWith(...programs: string[]): string {
  const folder = mkdtempSync(path.join(dataDirectory, 'path-'))
  for (const name of programs) {
    const file = (process.env['PATH'] ?? '')
      .split(':')
      .map((entry) => path.join(entry, name))
      .find((entry) => existsSync(entry))
    if (file === undefined) throw new Error(`This machine has no ${name} in PATH`)
    symlinkSync(file, path.join(folder, name))
  }
  return folder
}
