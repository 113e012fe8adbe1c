/** The registry from the command line, with a real worker that carries the commands out. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'
import { withService } from '../../support/service.ts'

const service = withService()
let folder = ''

interface Run {
  exitCode: number
  out: string
  err: string
}

async function cli(args: string[], input = ''): Promise<Run> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const exitCode = await runCli(args, {
    stdin: Readable.from([input]),
    stdout,
    stderr,
    env: { USER: 'ada', ...service.env },
    cwd: folder,
    color: false,
    signal: new AbortController().signal,
  })
  return { exitCode, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

/** Runs a command that must succeed, and gives its JSON. */
async function json(...args: string[]) {
  const { exitCode, out, err } = await cli([...args, '--json'])
  expect(err).not.toContain('error')
  expect(exitCode).toBe(0)
  return JSON.parse(out)
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'cli-'))
  await service.startWorker()
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('commands', () => {
  it('register, change, list and show entities of each kind', async () => {
    const provider = await cli([
      'providers',
      'register',
      'own',
      '--kind',
      'openai-compatible',
      '--base-url',
      'http://127.0.0.1:9/v1',
    ])
    expect(provider.out).toMatch(/ {2}APPLIED {2}RegisterProvider {2}\S+ {2}PROVIDER own {2}version 1\n$/)
    const task = ['--task-type', 'summary', '--task-type', 'chat of support']
    expect(
      await json('models', 'register', 'small', '--provider', 'own', '--capability', 'CHAT', ...task),
    ).toMatchObject({
      version: 2,
    })
    expect(await json('routes', 'register', 'fast', '--strategy', 'WEIGHTED', '--target', 'small=3')).toMatchObject({
      version: 3,
    })
    expect(await json('models', 'set-status', 'small', 'DEPRECATED')).toMatchObject({
      command: 'SetModelStatus',
      version: 4,
    })
    expect(await json('providers', 'set-limits', 'own', '--requests-per-minute', '60')).toMatchObject({
      command: 'SetLimits',
      version: 5,
    })
    expect(await json('routes', 'update', 'fast', '--metadata', 'team=blue')).toMatchObject({ version: 6 })

    expect((await cli(['providers', 'list'])).out).toMatch(
      /^own +openai-compatible +http:\/\/127.0.0.1:9\/v1 +60 requests\/min +5$/m,
    )
    expect((await cli(['models', 'list'])).out).toMatch(/^small +own +CHAT +summary, chat of support +DEPRECATED +4$/m)
    expect(await json('models', 'list', '--task-type', 'chat of support')).toMatchObject({ totalCount: 1 })
    expect(await json('models', 'list', '--task-type', 'chat')).toMatchObject({ totalCount: 0 })
    expect((await cli(['routes', 'list'])).out).toMatch(/^fast +WEIGHTED +small=3 .*6$/m)
    expect(await json('routes', 'get', 'fast')).toMatchObject({
      version: 6,
      definition: { targets: [{ model: 'small', weight: 3 }] },
    })
    expect((await cli(['providers', 'get', 'own'])).out).toContain('"requestsPerMinute":60')
  })

  it('tell the past', async () => {
    expect(await json('models', 'get', 'small', '--as-of', '3')).toMatchObject({
      version: 2,
      definition: { status: 'ACTIVE' },
    })
    expect(await json('routes', 'list', '--as-of', '2')).toEqual({ routes: [] })
    expect(await json('providers', 'list', '--as-of', '4')).toMatchObject({
      providers: [{ definition: { limits: null } }],
    })
    const { updatedAt } = await json('models', 'get', 'small', '--as-of', '2')
    const atTime = new Date(updatedAt).toISOString()
    expect(await json('models', 'list', '--as-of', atTime)).toMatchObject({ models: [{ version: 2 }] })
    expect(await cli(['models', 'get', 'small', '--as-of', '1'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('MODEL_NOT_FOUND: No model "small" was registered at version 1'),
    })
    for (const [asOf, message] of [
      ['99', 'asOf names version 99, expected 1 to 6'],
      ['2020-01-01', 'lies before the first change'],
      ['2999-01-01', 'lies in the future'],
    ] as const) {
      const refused = await cli(['export', '--as-of', asOf])
      expect(refused).toMatchObject({ exitCode: 2, err: expect.stringContaining(message) })
    }
    const history = await cli(['models', 'history', 'small'])
    expect(history.out).toMatch(/^4 +\S+ +UPDATED +ada +\S+ +status: "ACTIVE" → "DEPRECATED"\n2 +\S+ +REGISTERED +ada/m)
    expect(await json('providers', 'history', 'own', '--max-count', '1')).toMatchObject([
      { version: 5, actor: 'ada', changes: [{ path: 'limits', before: null }] },
    ])
    expect(await cli(['routes', 'history', 'nothing'])).toMatchObject({
      exitCode: 1,
      err: expect.stringContaining('ROUTE_NOT_FOUND'),
    })
  })

  it('are refused with a code and exit code 1', async () => {
    expect(await cli(['providers', 'delete', 'own'])).toMatchObject({
      exitCode: 1,
      out: expect.stringContaining('PROVIDER_IN_USE'),
    })
    const late = await cli(['routes', 'delete', 'fast', '--expected-version', '3'])
    expect(late).toMatchObject({ exitCode: 1, out: expect.stringContaining('VERSION_CONFLICT') })
  })

  it('cancel a request, also one that nobody knows yet', async () => {
    const options = ['--tenant', 'acme', '--reason', 'by mistake']
    expect((await cli(['requests', 'cancel', 'never-seen', ...options])).out).toContain('APPLIED  CancelRequest')
    await service.send(service.chat('small', { requestId: 'never-seen', tenant: 'acme' }))
    const [completion] = await service.completions(['never-seen'])
    expect(completion).toMatchObject({ status: 'CANCELLED', error: { message: expect.stringContaining('by mistake') } })
  })
})

describe('files', () => {
  it('are applied, compared, exported, and put back as they were', async () => {
    const before = await cli(['export', '-o', 'before.yaml'])
    expect(before.err).toContain('1 provider, 1 model and 1 route, as of version 6')
    expect(await cli(['diff', '-f', 'before.yaml', '--prune'])).toMatchObject({
      exitCode: 0,
      out: '0 to register, 0 to update, 0 to delete, 3 unchanged\n',
    })

    mkdirSync(path.join(folder, 'registry'))
    writeFileSync(
      path.join(folder, 'registry/models.yaml'),
      `apiVersion: model-service/v1
models:
  small: { provider: own, capabilities: [CHAT], contextWindow: 8192 }
  large: { provider: second, capabilities: [CHAT], defaultParameters: { temperature: 0.2 } }
`,
    )
    const providers = {
      own: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:9/v1' },
      second: { kind: 'ollama' },
    }
    writeFileSync(
      path.join(folder, 'registry/providers.json'),
      JSON.stringify({ apiVersion: 'model-service/v1', providers }),
    )
    writeFileSync(
      path.join(folder, 'registry/routes.yml'),
      `apiVersion: model-service/v1
routes:
  safe: { targets: [{ model: large }], otherwise: last }
  last: { targets: [{ model: small }] }
`,
    )
    const diff = await cli(['diff', '-f', 'registry', '--prune'])
    expect(diff.exitCode).toBe(1)
    expect(diff.out).toContain(
      '~ model small  (version 4)\n    status: "DEPRECATED" → "ACTIVE"\n    contextWindow: null → 8192\n',
    )
    expect(diff.out).toContain('- route fast  (version 6)\n4 to register, 2 to update, 1 to delete, 0 unchanged\n')
    expect(diff.out).toContain('+ route safe\n')
    expect(await cli(['apply', '-f', 'registry', '--dry-run'])).toMatchObject({
      exitCode: 0,
      err: expect.stringContaining('1 registered and in no file, left alone: route fast'),
    })
    expect(await cli(['apply', '-f', 'registry'])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('expected --yes'),
    })

    const applied = await cli(['apply', '-f', 'registry', '--prune', '--yes'])
    expect(applied.err).toBe('')
    const lines = applied.out
      .trim()
      .replaceAll(/ {2}version \d+/g, '')
      .split('\n')
    expect(lines.toSorted()).toEqual([
      'APPLIED  DELETE  route fast',
      'APPLIED  REGISTER  model large',
      'APPLIED  REGISTER  provider second',
      'APPLIED  REGISTER  route last',
      'APPLIED  REGISTER  route safe',
      'APPLIED  UPDATE  model small',
      'APPLIED  UPDATE  provider own',
    ])
    expect(lines.slice(4)).toEqual([
      'APPLIED  REGISTER  route last',
      'APPLIED  REGISTER  route safe',
      'APPLIED  DELETE  route fast',
    ])
    expect(applied.exitCode).toBe(0)
    expect(await cli(['diff', '-f', 'registry', '--prune'])).toMatchObject({ exitCode: 0 })
    expect(await json('apply', '-f', 'registry', '--yes')).toEqual({ steps: [], unchangedCount: 6, left: [] })

    const old = await cli(['export', '--as-of', '6'])
    expect(old.out).toBe(readFileSync(path.join(folder, 'before.yaml'), 'utf8'))
    const back = await cli(['apply', '-f', '-', '--prune', '--yes', '--json'], old.out)
    expect(JSON.parse(back.out)).toMatchObject({ refusedCount: 0, unsentCount: 0 })
    expect(await cli(['diff', '-f', 'before.yaml', '--prune'])).toMatchObject({ exitCode: 0 })
  })

  it('that are wrong change nothing', async () => {
    writeFileSync(
      path.join(folder, 'wrong.yaml'),
      'apiVersion: model-service/v1\nmodels:\n  new: { provider: own, capabilities: [CHAT] }\nroutes:\n  r: { targets: [{ model: nothing }] }\n',
    )
    const { exitCode, err } = await cli(['apply', '-f', 'wrong.yaml', '--yes'])
    expect(err).toContain('wrong.yaml:5:20: routes.r: route.targets[0].model must be a registered model')
    expect(exitCode).toBe(2)
    expect(await cli(['models', 'get', 'new'])).toMatchObject({ exitCode: 1 })
  })
})
