/** What `npm pack` makes, as a user has it: installed where there is nothing else, deployed, and used as a library. */
import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { stackVariables } from '../../../src/cli/cli-settings.ts'
import { KafkaCommandBus } from '../../../src/cli/kafka-command-bus.ts'
import { openCliKafka, openKafkaSession } from '../../../src/cli/kafka-session.ts'
import { loadSettings } from '../../../src/config/load-settings.ts'
import type { CommandResult, ProviderDefinitionDraft } from '../../../src/contract/types.ts'
import { freePort } from '../../../src/stack/free-port.ts'
import { withDatabase } from '../../support/postgres.ts'
import { type InstalledPackage, installPackage, type Ran, type Started } from './installed-package.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const stack = inject('stack')
const topicPrefix = `package-${randomUUID().slice(0, 8)}.`
const database = withDatabase({ migrated: false })
let installed: InstalledPackage | undefined

beforeAll(async () => {
  installed = await installPackage()
}, 300_000)
afterAll(() => installed?.remove(), 30_000)

function user(): InstalledPackage {
  if (installed === undefined) throw new Error('the package was not installed')
  return installed
}

/** Path of a file of the installed package. */
function packaged(path: string): string {
  return join(user().folder, 'node_modules', 'model-service', path)
}

/** Settings of everything that runs from the package. */
function settings(): Record<string, string> {
  return {
    ...stackVariables({ ...stack, databaseUrl: database.url }),
    TOPIC_PREFIX: topicPrefix,
    KAFKA_GROUP_ID: `${topicPrefix}workers`,
  }
}

function modelService(...args: string[]): Promise<Ran> {
  return user().run(join(user().folder, 'node_modules/.bin/model-service'), args, settings())
}

describe('the tarball', () => {
  const paths = (): string[] => user().tarball.files.map(({ path }) => path)

  test.each([
    'LICENSE',
    'NOTICE',
    'THIRD-PARTY-NOTICES.md',
    'README.md',
    'compose.yaml',
    'dist/adapters.d.ts',
    'dist/adapters.js',
    'dist/client/index.d.ts',
    'dist/client/index.js',
    'dist/cli/main.js',
    'dist/model-service/index.js',
    'dist/model-service/index.d.ts',
    'dist/registry/generated/client.js',
    'dist/stack/double/main.js',
    'prisma/migrations/migration_lock.toml',
    'schemas/model-request.avsc',
    'stack/kafka/pom.xml',
    'stack/local-models/requirements-libraries.txt',
    'stack/registry/pom.xml',
  ])('holds %s', (path) => {
    expect(paths()).toContain(path)
  })

  test('holds every schema and migration', () => {
    const contract = globSync(['schemas/*.avsc', 'prisma/migrations/**/*.sql'], { cwd: root })
    expect(contract.length).toBeGreaterThan(50)
    expect(contract.filter((path) => !paths().includes(path))).toEqual([])
  })

  test('holds no sources, tests, settings, caches or source maps', () => {
    const allowed =
      /^(dist|docs|examples|schemas|prisma\/migrations|stack)\/|^[A-Z-]+(\.md)?$|^(package\.json|compose\.yaml)$/
    const wrong = /(^|\/)(src|test|node_modules|\.[^/]+)(\/|$)|\.(map|tgz|log)$|^(?!examples\/).*(?<!\.d)\.ts$|\.test\./
    expect(paths().filter((path) => !allowed.test(path) || wrong.test(path))).toEqual([])
  })

  test('is small', () => {
    const { size, unpackedSize } = user().tarball
    expect(size).toBeLessThan(1_400_000)
    expect(unpackedSize).toBeLessThan(4_500_000)
  })

  test('names nothing of the machine that built it', () => {
    const texts = user().tarball.files.filter(({ path }) => path.startsWith('dist/'))
    const folder = root.replace(/\/$/, '')
    expect(texts.filter(({ path }) => readFileSync(packaged(path), 'utf8').includes(folder))).toEqual([])
  })
})

describe('the command line', () => {
  test('shows its usage and its version by npx', async () => {
    const help = await user().run('npx', ['model-service', '--help'])
    expect(help).toMatchObject({ exitCode: 0, out: expect.stringContaining('Usage: model-service') })
    const version = await user().run('npx', ['model-service', '--version'])
    expect(version).toMatchObject({ exitCode: 0, out: `${user().tarball.version}\n` })
  })

  test('finds the files of the local stack', async () => {
    const { assetPath } = await fromPackage<typeof import('../../../src/stack/asset-path.ts')>('stack/asset-path.js')
    const { composeFile } = await fromPackage<typeof import('../../../src/stack/compose.ts')>('stack/compose.js')
    for (const path of globSync('**/*.*', { cwd: join(root, 'stack') })) {
      expect(assetPath(path)).toBe(packaged(`stack/${path}`))
      expect(existsSync(assetPath(path)), path).toBe(true)
    }
    expect(composeFile()).toBe(packaged('compose.yaml'))
    expect(await modelService('stack', 'status')).toMatchObject({ exitCode: 1, err: '' })
  })
})

describe('a deployment', () => {
  let worker: Started | undefined

  test('migrates, applies topics, registers schemas', async () => {
    expect(await modelService('migrate')).toMatchObject({ exitCode: 0, out: expect.stringContaining('applied') })
    expect(await modelService('topics', 'apply', '--partitions', '2')).toMatchObject({ exitCode: 0, err: '' })
    expect(await modelService('schemas', 'register')).toMatchObject({ exitCode: 0, err: '' })
  })

  test('starts a worker that becomes ready', async () => {
    const healthPort = String(await freePort())
    worker = user().start(packaged('dist/cli/main.js'), ['worker'], { ...settings(), HEALTH_PORT: healthPort })
    await until(worker, async () => {
      const answer = await fetch(`http://127.0.0.1:${healthPort}/readyz`, { signal: AbortSignal.timeout(2_000) })
      expect(answer.status, await answer.text()).toBe(200)
    })
  })

  test('answers a request from a provider and a model that were registered by commands', async () => {
    const provider = { id: 'double', kind: 'openai-compatible', baseUrl: await doubleUrl() }
    expect(await registerProvider(provider)).toBe('APPLIED')

    const registration = ['models', 'register', 'mine', '--provider', 'double', '--capability', 'CHAT']
    expect(await modelService(...registration)).toMatchObject({ exitCode: 0, err: '' })
    const listed = await modelService('models', 'list', '--json')
    expect(JSON.parse(listed.out)).toMatchObject({ models: [{ definition: { id: 'mine', provider: 'double' } }] })

    const sent = await modelService('send', '--model', 'mine', '--prompt', 'Are you there?', '--json')
    expect(sent, worker?.output()).toMatchObject({ exitCode: 0, err: '' })
    expect(JSON.parse(sent.out)).toMatchObject({
      status: 'COMPLETED',
      model: 'mine',
      provider: 'double',
      chat: { text: expect.stringContaining('[double]') },
    })
  })

  test('answers the client of the package, by the example of the documentation', async () => {
    copyFileSync(join(root, 'examples/client.ts'), join(user().folder, 'client.ts'))
    const ran = await user().run(process.execPath, ['client.ts'], { ...settings(), MODEL: 'mine', PROMPT: 'Hello?' })
    expect(ran, worker?.output()).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\[double\] .*\n$/) })
    expect(ran.err).toMatch(/^cost unknown \(\S+\) USD\n\[double\] .*\n$/)
  })

  test('ends in order', async () => {
    expect(await worker?.stop(), worker?.output()).toBe(0)
  })
})

describe('the library', () => {
  // The first has ports of its own only; the others are examples of the documentation.
  const programs = ['test/integration/package/library-consumer.ts', 'examples/as-a-library.ts', 'examples/client.ts']

  test('compiles in a project that checks all types', async () => {
    const compilerOptions = {
      target: 'ES2024',
      module: 'NodeNext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      outDir: 'built',
    }
    for (const program of programs) copyFileSync(join(root, program), join(user().folder, basename(program)))
    const project = { compilerOptions, files: programs.map((program) => basename(program)) }
    writeFileSync(join(user().folder, 'tsconfig.json'), JSON.stringify(project))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    expect(await user().run(process.execPath, [tsc, '-p', '.'])).toEqual({ exitCode: 0, out: '', err: '' })
  })

  test('serves a program that brings its own ports', async () => {
    const ran = await user().run(process.execPath, ['built/library-consumer.js'])
    expect(ran).toMatchObject({ exitCode: 0, err: '' })
    expect(JSON.parse(ran.out)).toEqual({
      registered: 'APPLIED',
      status: 'COMPLETED',
      text: 'Polly',
      unknown: 'MODEL_NOT_FOUND',
      outcomeCount: 2,
    })
  })

  test('serves the example of the documentation with the adapters of the package', async () => {
    const ran = await user().run(process.execPath, ['built/as-a-library.js'], { MODEL_BASE_URL: await doubleUrl() })
    expect(ran).toMatchObject({ exitCode: 0, err: '', out: expect.stringMatching(/^COMPLETED null\n\[double\] /) })
  })

  test('exports its entries and nothing of its inside', async () => {
    const tryImport = (path: string): Promise<Ran> =>
      user().run(process.execPath, ['--input-type=module', '--eval', `await import('model-service${path}')`])
    expect(await tryImport('')).toEqual({ exitCode: 0, out: '', err: '' })
    expect(await tryImport('/adapters')).toEqual({ exitCode: 0, out: '', err: '' })
    expect(await tryImport('/client')).toEqual({ exitCode: 0, out: '', err: '' })
    expect((await tryImport('/dist/app.js')).err).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})

/** A module of the installed package, by its path below dist/. */
async function fromPackage<T>(path: string): Promise<T> {
  return (await import(/* @vite-ignore */ pathToFileURL(packaged(`dist/${path}`)).href)) as T
}

/** Starts the package's protocol double and gives the base URL of its API. */
async function doubleUrl(): Promise<string> {
  const double = user().start(process.execPath, [packaged('dist/stack/double/main.js')])
  const url = (): string | undefined => /listening on (\S+)\n/.exec(double.output())?.[1]
  await until(double, async () => expect(url()).toBeDefined())
  return `${url()}/v1`
}

/** Waits for what the program does, and says what it wrote when it does not. */
async function until(program: Started, check: () => Promise<unknown>): Promise<void> {
  const ended = (): boolean => program.exitCode() !== null
  try {
    await vi.waitFor(() => (ended() ? Promise.resolve() : check()), { timeout: 30_000, interval: 50 })
  } catch (cause) {
    throw new Error(`not in time; it wrote:\n${program.output()}`, { cause })
  }
  if (ended()) throw new Error(`it ended with ${program.exitCode()}:\n${program.output()}`)
}

/** There is no command line for providers: the command goes to its topic, as an administrator's program writes it. */
async function registerProvider(provider: ProviderDefinitionDraft): Promise<CommandResult['status']> {
  const { kafka, schemaRegistry } = loadSettings(settings(), ['kafka', 'schemaRegistry'])
  const session = openKafkaSession(await openCliKafka(kafka), { kafka, schemaRegistry })
  try {
    const bus = new KafkaCommandBus(session, { timeoutMs: 30_000, signal: new AbortController().signal })
    const command = { type: 'RegisterProvider' as const, provider }
    return (await bus.send({ commandId: randomUUID(), command })).status
  } finally {
    await session.close()
  }
}
