import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildProgram, packageVersion, runCli } from '../../../src/cli/program.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'

let folder = ''
let freePort = 0
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cli-'))
  writeFileSync(
    path.join(folder, 'broken.json'),
    JSON.stringify({ input: { type: 'ChatInput', messages: [{ role: 'NOBODY' }] } }),
  )
  writeFileSync(path.join(folder, 'not.json'), '{')
  writeFileSync(path.join(folder, 'model.yaml'), 'id: m\nprovider: openai\ncapabilities: [CHAT]\n')
  writeFileSync(path.join(folder, 'registry.yaml'), 'apiVersion: model-service/v1\nmodels: {}\n')
  writeFileSync(path.join(folder, 'bytes.yaml'), Buffer.from([0x61, 0xff]))
  mkdirSync(path.join(folder, 'empty'))
  // A port that nothing listens on any more.
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  freePort = (server.address() as AddressInfo).port
  server.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

function terminal(env: Terminal['env'] = {}, stdin = ''): Terminal & { out: () => string; err: () => string } {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  return {
    stdin: Readable.from([stdin]),
    stdout,
    stderr,
    env,
    cwd: folder,
    color: false,
    signal: new AbortController().signal,
    out: () => String(stdout.read() ?? ''),
    err: () => String(stderr.read() ?? ''),
  }
}

async function run(args: string[], env: Terminal['env'] = {}, stdin = '') {
  const given = terminal(env, stdin)
  const exitCode = await runCli(args, given)
  return { exitCode, out: given.out(), err: given.err() }
}

const away = () => ({
  KAFKA_BROKERS: `127.0.0.1:${freePort}`,
  SCHEMA_REGISTRY_URL: `http://127.0.0.1:${freePort}`,
  DATABASE_URL: `postgresql://u:hunter2hunter2@127.0.0.1:${freePort}/d`,
})

describe('help', () => {
  const leaves = (command: Command): Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
  const names = (command: Command): string =>
    command.parent?.parent ? `${names(command.parent)} ${command.name()}` : command.name()
  const commands = leaves(buildProgram(terminal(), async () => {})).map(names)

  it('knows all commands', () => {
    expect(commands).toEqual([
      'worker',
      'stack up',
      'stack down',
      'stack status',
      'migrate',
      'topics apply',
      'topics check',
      'schemas register',
      'schemas check',
      'send',
      'tail',
      'requests get',
      'requests cancel',
      'requests erase',
      'models list',
      'models get',
      'models history',
      'models register',
      'models update',
      'models delete',
      'models set-status',
      'providers list',
      'providers get',
      'providers history',
      'providers register',
      'providers update',
      'providers delete',
      'providers set-limits',
      'routes list',
      'routes get',
      'routes history',
      'routes register',
      'routes update',
      'routes delete',
      'apply',
      'diff',
      'export',
      'dlq list',
      'dlq show',
      'dlq replay',
      'dlq purge',
      'costs',
      'doctor',
      'performance show',
      'performance history',
      'performance best',
      'feedback',
      'replay',
      'top',
      'complete',
    ])
  })

  // A script for a shell has one form.
  it.each(commands.filter((name) => name !== 'complete'))('%s has examples, --json and --verbose', async (name) => {
    const { exitCode, out } = await run([...name.split(' '), '--help'])
    expect(exitCode).toBe(0)
    expect(out).toMatch(new RegExp(`Examples:\n(.|\n)*model-service ${name}`))
    expect(out).toContain('--json')
    expect(out).toContain('--verbose')
  })

  it('prints the version of the package', async () => {
    expect(await run(['--version'])).toMatchObject({ exitCode: 0, out: `${packageVersion()}\n` })
    expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/)
  })
})

describe('exit code 2: usage', () => {
  it.each<[string, string[], string]>([
    ['no command', [], 'Usage: model-service'],
    ['an unknown command', ['sned'], 'Did you mean send?'],
    ['an unknown option', ['send', '--promt', 'x'], "unknown option '--promt'"],
    ['a missing argument', ['models', 'get'], "missing required argument 'id'"],
    ['a choice that does not exist', ['tail', 'requests'], 'Allowed choices are completions'],
    ['no whole number', ['tail', '--max-count', '1.5'], 'Expected a whole number of at least 1'],
    ['a missing mode', ['replay'], "required option '--mode <mode>' not specified"],
    ['a file and flags', ['send', 'x.json', '--prompt', 'x'], 'A request file excludes'],
    ['no prompt', ['send'], 'needs --prompt'],
    [
      'filters that do not apply',
      ['tail', 'registry', '--tenant', 'a'],
      '--tenant does not go with registry: expected no filter',
    ],
    ['a status that is none', ['tail', '--status', 'completed'], '--status "completed": expected one of COMPLETED'],
    ['times the wrong way round', ['costs', '--from', '2026-02-01', '--to', '2026-01-01'], 'is later than --to'],
    ['the same for one request', ['requests', 'get', 'r', '--from', '1h', '--to', '2h'], 'is later than --to'],
    ['the same for dead letters', ['dlq', 'list', '--from', '1h', '--to', '2h'], 'is later than --to'],
    ['more in-sync than replicas', ['topics', 'apply', '--min-in-sync-replicas', '2'], 'needs --replication-factor'],
    ['an unknown capability', ['models', 'register', 'm', '--capability', 'SING'], 'Allowed choices are CHAT'],
    ['an unknown status', ['models', 'set-status', 'm', 'OFF'], 'Allowed choices are ACTIVE'],
    ['a moment that is none', ['models', 'get', 'm', '--as-of', 'yesterday'], 'Expected a registry version'],
    ['a label that is none', ['routes', 'update', 'r', '--metadata', 'x'], 'Expected name=value'],
    ['nothing to update', ['providers', 'update', 'p'], 'Nothing is said about the provider'],
    ['a definition of another kind', ['routes', 'register', '--file', 'model.yaml'], 'provider: unknown field'],
    ['no limits', ['providers', 'set-limits', 'p'], 'Expected at least one limit, or --none alone'],
    ['limits and none', ['providers', 'set-limits', 'p', '--none', '--tokens-per-minute', '9'], 'or --none alone'],
    ['no file', ['apply'], "required option '-f, --file <path>' not specified"],
    ['a file that is not there', ['diff', '-f', 'none.yaml'], 'none.yaml: it cannot be read (ENOENT)'],
    ['a folder without files', ['diff', '-f', 'empty'], 'empty: expected a folder with .yaml, .yml or .json files'],
    ['a file that is no text', ['diff', '-f', 'bytes.yaml'], 'bytes.yaml: it is not UTF-8 text'],
    ['a mistake in a file', ['apply', '-f', 'model.yaml'], 'model.yaml:1:1: id: unknown field'],
    ['feedback without a word', ['feedback', 'r'], 'expected --score, --correction or --comment'],
    ['a score out of range', ['feedback', 'r', '--score', '1.1'], 'Expected a number from 0 to 1'],
    ['an empty score', ['feedback', 'r', '--score', ''], 'Expected a number from 0 to 1'],
    ['a day that is none', ['performance', 'show', '--from', '2026-02-30'], 'Expected a day as 2026-11-24'],
    [
      'days in the wrong order',
      ['performance', 'history', 'm', '--from', '2026-11-24', '--to', '2026-11-23'],
      'is later than --to',
    ],
    ['an unknown ranking', ['performance', 'best', 't', '--by', 'luck'], 'Allowed choices are quality, latency, cost'],
  ])('%s', async (_, args, expected) => {
    const { exitCode, err } = await run(args)
    expect(err).toContain(expected)
    expect(exitCode).toBe(2)
  })

  it('a broken request file, with the JSON path of what is wrong', async () => {
    const { exitCode, err } = await run(['send', 'broken.json'])
    expect(err).toMatch(/broken\.json: .*input\.messages\.0\.role: expected one of/)
    expect(exitCode).toBe(2)
  })

  it('a request file that is no JSON, or not there', async () => {
    expect(await run(['send', 'not.json'])).toMatchObject({ exitCode: 2, err: expect.stringContaining('not JSON') })
    expect(await run(['send', 'none.json'])).toMatchObject({ exitCode: 2, err: expect.stringContaining('ENOENT') })
  })

  it('a mistake in a registry file on standard input', async () => {
    const { exitCode, err } = await run(['diff', '-f', '-'], {}, 'models: {}')
    expect(err).toContain('standard input:1:1: apiVersion: missing')
    expect(exitCode).toBe(2)
  })

  it('a broken request on standard input', async () => {
    const { exitCode, err } = await run(['send', '-'], {}, '{"input": 1}')
    expect(err).toContain('standard input: ')
    expect(exitCode).toBe(2)
  })

  it('settings that are missing, all at once, as text and as JSON', async () => {
    const { exitCode, err } = await run(['send', '--prompt', 'x'])
    expect(err).toContain('CONFIGURATION_INVALID')
    expect(err).toContain('KAFKA_BROKERS is not set')
    expect(err).toContain('SCHEMA_REGISTRY_URL is not set')
    expect(exitCode).toBe(2)
    const asJson = await run(['migrate', '--json'])
    expect(JSON.parse(asJson.err)).toMatchObject({
      error: { code: 'CONFIGURATION_INVALID', action: expect.any(String) },
    })
  })
})

describe('exit code 3: a dependency is away', () => {
  it.each<[string, string[], string]>([
    ['Kafka, for send', ['send', '--prompt', 'x'], 'BROKER_UNAVAILABLE: No Kafka broker can be reached: 127.0.0.1:'],
    ['Kafka, for tail', ['tail'], 'BROKER_UNAVAILABLE'],
    ['Kafka, for the audit', ['replay', '--mode', 'audit'], 'BROKER_UNAVAILABLE'],
    ['Kafka, for topics', ['topics', 'check'], 'BROKER_UNAVAILABLE'],
    ['Kafka, for a command', ['models', 'delete', 'm'], 'BROKER_UNAVAILABLE'],
    ['the registry', ['schemas', 'check'], 'SCHEMA_REGISTRY_UNAVAILABLE'],
    ['PostgreSQL, for migrations', ['migrate', '--status'], 'DATABASE_UNAVAILABLE'],
    ['Kafka, for cancelling', ['requests', 'cancel', 'r'], 'BROKER_UNAVAILABLE'],
    ['Kafka, for limits', ['providers', 'set-limits', 'p', '--none'], 'BROKER_UNAVAILABLE'],
    ['PostgreSQL, for reading models', ['models', 'list'], 'DATABASE_UNAVAILABLE'],
    ['PostgreSQL, for a history', ['routes', 'history', 'r'], 'DATABASE_UNAVAILABLE'],
    ['PostgreSQL, for comparing', ['diff', '-f', 'registry.yaml'], 'DATABASE_UNAVAILABLE'],
    ['PostgreSQL, for exporting', ['export'], 'DATABASE_UNAVAILABLE'],
  ])('%s', async (_, args, expected) => {
    const { exitCode, err } = await run(args, away())
    expect(err).toContain(expected)
    expect(err).not.toContain('hunter2')
    // The action of the catalogue stands behind the message.
    expect(err).toContain('Bring it back')
    expect(exitCode).toBe(3)
  })

  it('shows the stack with --verbose only', async () => {
    expect((await run(['migrate', '--status'], away())).err).not.toContain('    at ')
    expect((await run(['migrate', '--status', '--verbose'], away())).err).toContain('    at ')
  })
})

it('has exit code 1 for a local stack that is not there', async () => {
  expect(await run(['stack', 'status', '--json'])).toMatchObject({
    exitCode: 1,
    out: expect.stringContaining('"parts": []'),
  })
})

it('warns of misspelt settings', async () => {
  expect((await run(['tail'], { ...away(), KAFKA_BROKER: 'x' })).err).toContain(
    'KAFKA_BROKER is not a setting; did you mean KAFKA_BROKERS?',
  )
})
