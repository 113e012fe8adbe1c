import { readFileSync } from 'node:fs'
import path from 'node:path'
import { installOnce } from './install-once.ts'
import { lastLines, runCommand } from './run-command.ts'
import { StackError } from './stack-error.ts'
import type { StackOptions } from './stack-options.ts'

/** A Python that can be used. */
export interface Python {
  file: string
  /** `3.11`: libraries with native code fit one minor version. */
  version: string
}

const LEAST_MINOR = 10
// The pinned wheels go up to this one.
const GREATEST_MINOR = 14
const PIP_TIMEOUT_MS = 20 * 60 * 1000

/**
 * Finds Python 3.10 to 3.14 in PATH; the plain name goes first. Whether it has pip shows when pip is needed: asking
 * takes a second, and what is in the cache needs none.
 * @throws STACK_PYTHON_MISSING
 */
export async function findPython(signal?: AbortSignal): Promise<Python> {
  const found: string[] = []
  for (const file of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3.14', 'python']) {
    const result = await runCommand({ file, args: ['--version'], timeoutMs: 20_000, ...(signal && { signal }) })
    if (result.code !== 0) continue
    const parsed = parsePythonVersion(result.stdout)
    if (parsed !== undefined && isSupportedPython(parsed)) return { file, version: `${parsed.major}.${parsed.minor}` }
    found.push(`${file} is ${result.stdout.trim() || 'of an unknown version'}`)
  }
  const detail = found.length === 0 ? 'There is none in PATH.' : `Found: ${[...new Set(found)].join('; ')}.`
  throw pythonMissing(detail)
}

function pythonMissing(detail: string): StackError {
  return new StackError(
    'STACK_PYTHON_MISSING',
    `Python 3.${LEAST_MINOR} to 3.${GREATEST_MINOR} with pip is needed. ${detail}`,
    'Install it (Debian: apt install python3 python3-pip; macOS: brew install python).',
  )
}

/** Major and minor from `Python 3.11.7`. */
export function parsePythonVersion(text: string): { major: number; minor: number } | undefined {
  const [, major, minor] = /Python (\d+)\.(\d+)/.exec(text) ?? []
  return major === undefined || minor === undefined ? undefined : { major: Number(major), minor: Number(minor) }
}

/** Whether there are pinned wheels for it. */
export function isSupportedPython({ major, minor }: { major: number; minor: number }): boolean {
  return major === 3 && minor >= LEAST_MINOR && minor <= GREATEST_MINOR
}

/** A set of Python packages to have in the cache. */
export interface PythonPackages {
  name: string
  /** Path of the requirements file; every package in it carries hashes. */
  requirements: string
  /** In words, with the size. */
  what: string
  python: Python
  /** False where the packages' own dependencies are not wanted. */
  dependencies: boolean
  /** False where the packages hold only data, which fits every Python. */
  native: boolean
  options: Pick<StackOptions, 'cacheDirectory' | 'offline'>
  onMessage: (message: string, fraction?: number) => void
  signal?: AbortSignal
  /** Works on the packages' folder once, before it counts as installed. `identity` is what else decides the result. */
  finish?: { identity: string; run: (directory: string) => Promise<void> }
}

/**
 * The folder of these packages, to be given as PYTHONPATH. Only wheels, only with the pinned hashes; no virtual
 * environment, so it works where the system's Python is "externally managed".
 * @throws STACK_OFFLINE_CACHE_MISS, STACK_DOWNLOAD_FAILED, STACK_PYTHON_MISSING when there is no pip
 */
export async function ensurePythonPackages(packages: PythonPackages): Promise<string> {
  const text = readFileSync(packages.requirements, 'utf8')
  const fits = packages.native ? `${process.platform} ${process.arch} ${packages.python.version}` : 'any'
  return installOnce({
    cacheDirectory: packages.options.cacheDirectory,
    name: packages.name,
    identity: `${fits}\n${packages.finish?.identity ?? ''}\n${text}`,
    what: packages.what,
    offline: packages.options.offline,
    install: async (directory) => {
      packages.onMessage(`fetching ${packages.what} with pip, once`)
      await pipInstall(packages, directory, text.match(/^[\w.-]+==/gm)?.length ?? 1)
      await packages.finish?.run(directory)
    },
  })
}

async function pipInstall(packages: PythonPackages, directory: string, expectedCount: number): Promise<void> {
  let count = 0
  const result = await runCommand({
    file: packages.python.file,
    args: [
      ...['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'],
      ...['--only-binary', ':all:', '--require-hashes', '--no-compile'],
      ...(packages.dependencies ? [] : ['--no-deps']),
      ...['--target', directory, '-r', path.resolve(packages.requirements)],
    ],
    // Settings of the user's that cannot go with --target.
    env: { ...process.env, PIP_USER: '0', PIP_REQUIRE_VIRTUALENV: '0', PYTHONNOUSERSITE: '1' },
    onLine: (line) => {
      const name = /^Collecting ([^\s=]+)/.exec(line)?.[1]
      if (name !== undefined) {
        count++
        packages.onMessage(`fetching ${name}`, Math.min(0.9, count / expectedCount))
      }
      if (line.startsWith('Installing collected packages')) packages.onMessage('unpacking', 0.9)
    },
    timeoutMs: PIP_TIMEOUT_MS,
    ...(packages.signal && { signal: packages.signal }),
  })
  if (result.code === 0) return
  if (result.stderr.includes('No module named pip')) throw pythonMissing(`${packages.python.file} has no pip.`)
  throw new StackError(
    'STACK_DOWNLOAD_FAILED',
    `pip could not install ${packages.what}.\n${lastLines(result, 6)}`,
    'It needs the Python package index or a mirror of it (PIP_INDEX_URL); HTTPS_PROXY and NO_PROXY are honoured.',
  )
}
