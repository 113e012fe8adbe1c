/** Carries out the recipes of docs/extending.md on a copy of the sources. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../../', import.meta.url))
const page = readFileSync(path.join(root, 'docs/extending.md'), 'utf8')

interface Block {
  language: string
  file: string
  text: string
}

const blocks: Block[] = [...page.matchAll(/^```(\w+) file=(\S+)\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', file = '', text = '']) => ({ language, file, text }),
)

let copy: string

beforeAll(() => {
  // Beneath the repository, so that packages are found.
  mkdirSync(path.join(root, '.model-service'), { recursive: true })
  copy = mkdtempSync(path.join(root, '.model-service/extending-'))
  cpSync(path.join(root, 'src'), path.join(copy, 'src'), {
    recursive: true,
    filter: (source) => !/src\/(stack|cli|consumers|registry\/generated)(\/|$)/.test(source),
  })
  symlinkSync(path.join(root, 'schemas'), path.join(copy, 'schemas'))
  for (const block of blocks) carryOut(block)
  const include = blocks.filter(({ language }) => language === 'ts').map(({ file }) => file)
  writeFileSync(
    path.join(copy, 'tsconfig.json'),
    JSON.stringify({ extends: path.join(root, 'tsconfig.json'), include }),
  )
})

afterAll(() => {
  rmSync(copy, { recursive: true, force: true })
})

describe('the recipes for extending the service', () => {
  test('are three, each with something to run', () => {
    expect(page.match(/^## Add /gm)).toHaveLength(3)
    expect(blocks.map(({ file }) => file).filter((file) => file.startsWith('try-'))).toEqual([
      'try-method.ts',
      'try-mixin.ts',
      'try-provider.ts',
    ])
  })

  test('compile', { timeout: 60_000 }, async () => {
    await execute(path.join(root, 'node_modules/.bin/tsc'), ['-p', path.join(copy, 'tsconfig.json')])
  })

  test.each(['try-method.ts', 'try-mixin.ts', 'try-provider.ts'])('run: %s', { timeout: 30_000 }, async (file) => {
    await execute(process.execPath, [path.join(copy, file)])
  })
})

async function execute(file: string, args: string[]): Promise<void> {
  try {
    await run(file, args, { cwd: copy, timeout: 55_000 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${path.basename(file)} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}

function carryOut({ language, file, text }: Block): void {
  const target = path.join(copy, file)
  if (language !== 'diff') {
    mkdirSync(path.dirname(target), { recursive: true })
    writeFileSync(target, text)
    return
  }
  const lines = text.split('\n').slice(0, -1)
  const side = (dropped: string) =>
    lines
      .filter((line) => !line.startsWith(dropped))
      .map((line) => line.slice(1))
      .join('\n')
  const before = readFileSync(target, 'utf8')
  const places = before.split(side('+'))
  if (places.length !== 2) throw new Error(`The change of ${file} fits ${places.length - 1} places:\n${text}`)
  writeFileSync(target, places.join(side('-')))
}
