/** The examples in TypeScript, Python and Java, run as their readers would, against one worker. Each language needs its tools. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { installOnce } from '../../src/stack/install-once.ts'
import { findJava } from '../../src/stack/java.ts'
import { runMaven } from '../../src/stack/maven.ts'
import { findPython } from '../../src/stack/python.ts'
import { StackError } from '../../src/stack/stack-error.ts'
import { resolveStackOptions } from '../../src/stack/stack-options.ts'
import { withService } from '../support/service.ts'

const run = promisify(execFile)
const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const { cacheDirectory } = resolveStackOptions()
const offline = process.env['MODEL_SERVICE_TEST_OFFLINE'] === '1'

/** How a program of that language is run. */
interface Language {
  name: string
  file: string
  args: string[]
  env?: Record<string, string>
}

/** What a language is run with, or why it is not there. */
async function prepared(name: string, prepare: () => Promise<Omit<Language, 'name'>>): Promise<Language | string> {
  try {
    return { name, ...(await prepare()) }
  } catch (error) {
    if (error instanceof StackError) return `${name}: skipped. ${error.message}`
    throw error
  }
}

async function python(): Promise<Omit<Language, 'name'>> {
  const { file, version } = await findPython()
  const requirements = join(examples, 'python/requirements.txt')
  const libraries = await installOnce({
    cacheDirectory,
    offline,
    name: 'python-client',
    identity: `${process.platform} ${process.arch} ${version}\n${readFileSync(requirements, 'utf8')}`,
    what: 'confluent-kafka and fastavro (12 MB)',
    install: async (directory) => {
      const flags = ['--no-input', '--disable-pip-version-check', '--only-binary', ':all:', '--target', directory]
      await run(file, ['-m', 'pip', 'install', ...flags, '-r', requirements], { timeout: 600_000 })
    },
  })
  return { file, args: [join(examples, 'python/ask_model.py')], env: { PYTHONPATH: libraries } }
}

async function java(): Promise<Omit<Language, 'name'>> {
  const { file } = await findJava(process.env)
  const pom = join(examples, 'java/pom.xml')
  const jars = await installOnce({
    cacheDirectory,
    offline,
    name: 'java-client',
    identity: readFileSync(pom, 'utf8'),
    what: 'kafka-clients and Avro (20 MB)',
    install: (directory) =>
      runMaven({
        pom,
        directory,
        goal: 'dependency:copy-dependencies',
        properties: { outputDirectory: directory },
        env: process.env,
        onMessage: () => {},
      }),
  })
  return { file, args: ['-cp', join(jars, '*'), join(examples, 'java/AskModel.java')] }
}

/** In this repository the name of the package leads to what is built of it. */
async function typescript(): Promise<Omit<Language, 'name'>> {
  await run(process.execPath, [fileURLToPath(new URL('../../scripts/build.ts', import.meta.url))], { timeout: 300_000 })
  return { file: process.execPath, args: [join(examples, 'client.ts')] }
}

const found = await Promise.all([
  prepared('TypeScript', typescript),
  prepared('Python', python),
  prepared('Java', java),
])
const languages = found.filter((each) => typeof each !== 'string')
for (const missing of found.filter((each) => typeof each === 'string')) console.log(missing)

const service = withService()
beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ talker: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

async function ask({ file, args, env }: Language, settings: Record<string, string>): Promise<string> {
  // Java 17 reads the environment and writes its output by the locale.
  const all = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', ...service.env, ...env, ...settings }
  const { stdout } = await run(file, args, { env: all, timeout: 120_000 })
  return stdout.trimEnd()
}

describe('clients in several languages', () => {
  it.each(languages)('$name gets an answer', async (language) => {
    const prompt = `asked from ${language.name}, with a Ü and a 🦜`
    expect(await ask(language, { MODEL: 'talker', PROMPT: prompt })).toContain(prompt)
  })

  it.each(languages)('$name is told of a failure', async (language) => {
    const failure = ask(language, { MODEL: 'nobody-knows-this' })
    await expect(failure).rejects.toMatchObject({ stderr: expect.stringContaining('MODEL_NOT_FOUND') })
  })

  it('ask the same under one id: they get one answer, and the provider is called once', async () => {
    const settings = { MODEL: 'talker', PROMPT: 'Who was first?', REQUEST_ID: randomUUID() }
    const callsBefore = service.double.ledger.list().filter(({ idempotencyKey }) => idempotencyKey !== null).length
    const answers: string[] = []
    for (const language of languages.toReversed()) answers.push(await ask(language, settings))
    expect(new Set(answers).size).toBe(1)
    const completions = await service.readRecords('completions')
    expect(completions.filter(({ record }) => record.requestId === settings.REQUEST_ID)).toHaveLength(1)
    // The TypeScript example streams once more, under an id of its own.
    const calls = service.double.ledger.list().filter(({ idempotencyKey }) => idempotencyKey !== null).length
    expect(calls - callsBefore).toBe(2)
  })
})
