/** The process itself: what becomes of it when nobody can take its output. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const full = '/dev/full'

async function run(
  stdout: 'pipe' | number,
  stderr: 'pipe' | number,
): Promise<{ exitCode: number | null; err: string }> {
  const child = spawn(process.execPath, [main, '--help'], { env: {}, stdio: ['ignore', stdout, stderr] })
  // The reader has gone before there is anything to read.
  child.stdout?.destroy()
  let err = ''
  child.stderr?.on('data', (chunk) => {
    err += chunk
  })
  const exitCode = await new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  return { exitCode, err }
}

it('ends quietly when its reader has seen enough', { timeout: 30_000 }, async () => {
  expect(await run('pipe', 'pipe')).toEqual({ exitCode: 0, err: '' })
})

it.skipIf(!existsSync(full))('says that its output cannot be written', { timeout: 30_000 }, async () => {
  const output = openSync(full, 'w')
  const { exitCode, err } = await run(output, 'pipe')
  closeSync(output)
  expect(exitCode).toBe(1)
  expect(err).toMatch(/^error OUTPUT: Standard output cannot be written: ENOSPC[^\n]*\n$/)
})
