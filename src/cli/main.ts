#!/usr/bin/env node
import { runCli } from './program.ts'
import { wantsColor } from './terminal.ts'

const abort = new AbortController()
// The first signal asks to stop; a second one, when stopping takes too long for the user, ends the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (abort.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143)
    abort.abort()
  })
}
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  // A reader that has seen enough, as in `model-service tail | head`.
  if (code === 'EPIPE') process.exit(0)
  process.stderr.write(`error OUTPUT: Standard output cannot be written: ${message}\n`, () => process.exit(1))
})
// Notes that nobody reads are no reason to stop.
process.stderr.on('error', () => {})

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  color: wantsColor(process.stdout, process.env),
  signal: abort.signal,
})
