/** Runs the programs that the other scripts are made of, one at a time, saying what runs and how long it took. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Folder of the repository, with a slash at the end. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A program of node_modules, by path, to be run with this Node. */
export const tools = {
  tsc: 'node_modules/typescript/bin/tsc',
  biome: 'node_modules/@biomejs/biome/bin/biome',
  vitest: 'node_modules/vitest/vitest.mjs',
} as const

/** Runs `node …args` in the repository's root; false when it failed. Its output goes to ours. */
export async function runStep(
  title: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<boolean> {
  const startedAt = performance.now()
  console.log(`▸ ${title}`)
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  const forward = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGTERM', forward)
  // Ctrl-C reaches the child by itself; we only must not die before it has cleaned up.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  const code = await new Promise<number>((resolve) => {
    child.once('error', (error) => {
      console.error(error.message)
      resolve(1)
    })
    child.once('exit', (exitCode) => resolve(exitCode ?? 1))
  })
  process.off('SIGTERM', forward).off('SIGINT', ignore)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(code === 0 ? `  done in ${seconds} s` : `✗ ${title} failed after ${seconds} s (exit code ${code})`)
  return code === 0
}

/** Runs steps in order and stops at the first that fails; the process then exits with 1. */
export async function runSteps(steps: readonly [title: string, args: readonly string[]][]): Promise<boolean> {
  for (const [title, args] of steps) {
    if (await runStep(title, args)) continue
    process.exitCode = 1
    return false
  }
  return true
}
