import { PassThrough, Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'
import type { Terminal } from '../../../../src/cli/terminal.ts'

/** Nothing listens at these addresses: what is refused here is refused before anything is connected. */
const away = {
  KAFKA_BROKERS: '127.0.0.1:1',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  DATABASE_URL: 'postgresql://u@127.0.0.1:1/d',
  REPLY_TOPICS: 'replies',
}

async function replay(args: readonly string[], env: Record<string, string> = {}) {
  const stderr = new PassThrough()
  const terminal: Terminal = {
    ...{
      stdin: Readable.from([]),
      stdout: new PassThrough(),
      stderr,
      env: { ...away, ...env },
      cwd: '/',
      color: false,
    },
    signal: new AbortController().signal,
  }
  const exitCode = await runCli(['replay', ...args], terminal)
  return { exitCode, err: String(stderr.read() ?? '') }
}

const rerun = ['--mode', 'rerun', '--model', 'm', '--shadow-topic', 'shadow']

it.each<[string, string[], string]>([
  ['a rerun of nothing', ['--mode', 'rerun', '--shadow-topic', 's'], 'needs one of --model and --route'],
  ['a rerun for two targets', [...rerun, '--route', 'r'], 'needs one of --model and --route'],
  ['a rerun to nowhere', ['--mode', 'rerun', '--model', 'm'], 'needs --shadow-topic'],
  ['the topic of completions', [...rerun, '--shadow-topic', 'model.completions'], 'workers read or write'],
  ['a reply topic', [...rerun, '--shadow-topic', 'replies'], 'applications read replies'],
  ['a run that has no name', [...rerun, '--run-id', 'with space'], '--run-id'],
  ['a model whose name can be none of a run', [...rerun, '--model', 'with space'], '--run-id'],
  ['a limit of nothing', [...rerun, '--limit', '0'], 'Expected a whole number of at least 1'],
  ['an amount that is none', [...rerun, '--max-cost', '1e3'], 'Expected an amount such as 2 or 0.50'],
  ['options of another mode', [...rerun, '--timeout', '5'], '--timeout does not go with --mode rerun'],
  ['options of a rerun', ['--mode', 'repair', '--max-cost', '1'], '--max-cost does not go with --mode repair'],
])('refuses %s with exit code 2', async (_, args, message) => {
  const { exitCode, err } = await replay(args)
  expect(err).toContain(message)
  expect(exitCode).toBe(2)
})

it('refuses a repair where nothing keeps a call from being paid twice', async () => {
  const { exitCode, err } = await replay(['--mode', 'repair', '--yes'], { DELIVERY_MODE: 'at-least-once' })
  expect(err).toContain('DELIVERY_MODE=ledger')
  expect(exitCode).toBe(2)
})

it.each([rerun, ['--mode', 'repair']])('ends with 3 when Kafka is away: %j', async (...args) => {
  expect(await replay(args.flat())).toMatchObject({ exitCode: 3, err: expect.stringContaining('BROKER_UNAVAILABLE') })
})
