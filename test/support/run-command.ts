import { PassThrough, Readable } from 'node:stream'
import { runCli } from '../../src/cli/program.ts'

/** What a command line did. */
export interface CommandRun {
  exitCode: number
  out: string
  err: string
  /** Standard output as JSON. */
  json(): Record<string, unknown>
}

/** Runs a command line in this process, with these settings and no terminal. `cwd` is `/` by default, and there is no input. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { cwd = '/', input }: { cwd?: string; input?: string } = {},
): Promise<CommandRun> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const texts = { out: '', err: '' }
  stdout.on('data', (chunk) => {
    texts.out += chunk
  })
  stderr.on('data', (chunk) => {
    texts.err += chunk
  })
  const exitCode = await runCli(args, {
    stdin: Readable.from(input === undefined ? [] : [input]),
    stdout,
    stderr,
    env: { USER: 'tester', ...env },
    cwd,
    color: false,
    signal: new AbortController().signal,
  })
  await new Promise((resolve) => setImmediate(resolve))
  return { exitCode, ...texts, json: () => JSON.parse(texts.out) }
}
