/**
 * `npm run docs:cli`: runs the commands that the docs show, on a stack of their own, and writes what they print between
 * `<!-- run: … -->` and `<!-- end of run -->`. `--check` writes nothing and fails when a page shows something else. It takes
 * about two minutes, so `npm run test:full` checks it and `npm test` does not.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  fillRunBlocks,
  findFiles,
  findRunBlocks,
  isSamePage,
  narrow,
  type RunBlock,
  type RunOutput,
  readCommand,
} from './docs-cli/run-blocks.ts'
import { openScenario, type Scenario } from './docs-cli/scenario.ts'
import { root } from './run-step.ts'

interface Page {
  name: string
  text: string
  blocks: RunBlock[]
  outputs: RunOutput[]
}

const isCheck = process.argv.includes('--check')
const pages = readPages()
const resources = new AsyncDisposableStack()
try {
  const scenario = await openScenario(resources)
  for (const { text } of pages) {
    for (const [name, content] of findFiles(text)) writeFileSync(join(scenario.folder, name), content)
  }
  // What a command changes is seen by those after it; samples come last, as the load that they show is in nobody's counts then.
  for (const isSample of [false, true]) {
    for (const page of pages) await runBlocks(page, isSample, scenario)
  }
} finally {
  await resources.disposeAsync()
}
for (const { name, text, outputs } of pages) {
  const filled = fillRunBlocks(text, outputs)
  if (isSamePage(filled, text)) continue
  if (isCheck) {
    console.error(`✗ ${name} shows other outputs than its commands print:`)
    printDifference(text, filled)
    console.error('Run "npm run docs:cli", and look at the difference')
    process.exitCode = 1
  } else {
    writeFileSync(join(root, name), filled)
    console.log(`  ${name} written`)
  }
}

/** The pages that have blocks: the one of the command line first. */
function readPages(): Page[] {
  const names = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  return names
    .sort((left, right) => Number(right === 'cli.md') - Number(left === 'cli.md') || (left < right ? -1 : 1))
    .map((name) => {
      const text = readFileSync(join(root, 'docs', name), 'utf8')
      return { name: `docs/${name}`, text, blocks: findRunBlocks(text), outputs: [] }
    })
    .filter(({ blocks }) => blocks.length > 0)
}

async function runBlocks({ name, blocks, outputs }: Page, wantsSamples: boolean, scenario: Scenario): Promise<void> {
  for (const [index, { command, isSample }] of blocks.entries()) {
    if (isSample !== wantsSamples) continue
    console.log(`▸ ${name}: ${command}`)
    const load = isSample ? await scenario.startLoad() : undefined
    outputs[index] = await run(command, scenario)
    await load?.stop()
  }
}

/** Both streams go to one file, so that their lines stand as a terminal shows them. */
async function run(command: string, { env, folder }: Scenario): Promise<RunOutput> {
  const { env: settings, args } = readCommand(command)
  const file = join(folder, 'output.txt')
  const output = openSync(file, 'w')
  const exitCode = await new Promise<number>((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'src/cli/main.ts'), ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env, ...settings },
      stdio: ['ignore', output, output],
      timeout: 120_000,
    })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
  closeSync(output)
  return { text: withoutPlace(readFileSync(file, 'utf8'), folder), exitCode }
}

/** Where the stack lives, and on which machine, is nobody's business. */
function withoutPlace(text: string, folder: string): string {
  const machine = new RegExp(`(?<![\\w.-])${hostname().replaceAll(/\W/g, '\\$&')}(?![\\w.-])`, 'g')
  return text.replaceAll(`${folder}/`, '').replaceAll(machine, 'box')
}

/** The lines that one of the two has and the other has not. */
function printDifference(shown: string, printed: string): void {
  const lines = (text: string): Map<string, string> => new Map(text.split('\n').map((line) => [narrow(line), line]))
  const [before, after] = [lines(shown), lines(printed)]
  for (const [key, line] of before) if (!after.has(key)) console.error(`- ${line}`)
  for (const [key, line] of after) if (!before.has(key)) console.error(`+ ${line}`)
}
