/**
 * `npm run docs:cli`: runs the commands that the docs show, on a stack of their own, and writes what they print between
 * `<!-- run: … -->` and `<!-- end of run -->`. `--check` writes nothing and fails when a page shows something else. It takes
 * about a minute, so `npm run test:full` checks it and `npm test` does not.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillRunBlocks, findRunBlocks, isSamePage, type RunOutput, wordsOf } from './docs-cli/run-blocks.ts'
import { openScenario, type Scenario } from './docs-cli/scenario.ts'
import { root } from './run-step.ts'

/** In this order: what a command changes is seen by those after it. */
const pages = ['docs/cli.md', 'docs/replay.md']

const isCheck = process.argv.includes('--check')
const resources = new AsyncDisposableStack()
try {
  const scenario = await openScenario(resources)
  for (const name of pages) {
    const file = join(root, name)
    const page = readFileSync(file, 'utf8')
    const outputs: RunOutput[] = []
    for (const { command } of findRunBlocks(page)) {
      console.log(`▸ ${name}: ${command}`)
      outputs.push(await run(command, scenario))
    }
    const filled = fillRunBlocks(page, outputs)
    if (isSamePage(filled, page)) continue
    if (isCheck) {
      console.error(
        `✗ ${name} shows other outputs than its commands print: run "npm run docs:cli", and look at the difference`,
      )
      process.exitCode = 1
    } else {
      writeFileSync(file, filled)
      console.log(`  ${name} written`)
    }
  }
} finally {
  await resources.disposeAsync()
}

/** Both streams go to one file, so that their lines stand as a terminal shows them. */
async function run(command: string, { env, folder }: Scenario): Promise<RunOutput> {
  const file = join(folder, 'output.txt')
  const output = openSync(file, 'w')
  const exitCode = await new Promise<number>((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), ...wordsOf(command)], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', output, output],
      timeout: 120_000,
    })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
  closeSync(output)
  return { text: readFileSync(file, 'utf8'), exitCode }
}
