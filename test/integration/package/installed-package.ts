/** The package as a user has it: built, packed, and installed in a folder with nothing else in it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What `npm pack` tells of a tarball. */
export interface Tarball {
  filename: string
  version: string
  /** Packed, in bytes. */
  size: number
  /** Unpacked, in bytes. */
  unpackedSize: number
  files: { path: string; size: number; mode: number }[]
}

/** How a program ended, and what it wrote. */
export interface Ran {
  exitCode: number
  out: string
  err: string
}

/** An installed package. */
export interface InstalledPackage {
  /** The user's project; the package is below its node_modules. */
  folder: string
  tarball: Tarball
  /** Runs a program in the user's project, to its end. */
  run(program: string, args: readonly string[], env?: Record<string, string>): Promise<Ran>
  /** Starts one; its output is added up in `output`. It is ended with {@link InstalledPackage.remove}. */
  start(program: string, args: readonly string[], env?: Record<string, string>): Started
  /** Ends what was started and removes all files. */
  remove(): Promise<void>
}

/** A program that runs on. */
export interface Started {
  /** Everything that it has written so far. */
  output(): string
  /** Its exit code, or null while it runs or when a signal ended it. */
  exitCode(): number | null
  /** Sends the signal unless it has ended, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Longest time that one program may take, in ms. A cold npm cache fills within it. */
const programTimeoutMs = 120_000

/**
 * Builds, packs and installs. What the tarball needs is installed in the versions of our lock file, so that nothing that
 * somebody publishes today changes the verdict, and all of it is in npm's cache since `npm ci`.
 */
export async function installPackage(): Promise<InstalledPackage> {
  const home = mkdtempSync(join(tmpdir(), 'model-service-package-'))
  const folder = join(home, 'project')
  const started: { child: ChildProcess; stop: Started['stop'] }[] = []
  const remove = async (): Promise<void> => {
    await Promise.all(started.map(({ stop }) => stop('SIGKILL')))
    rmSync(home, { recursive: true, force: true })
  }
  try {
    await succeed(process.execPath, ['scripts/build.ts'], root)
    const packed = await succeed('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', home], root)
    const [tarball] = JSON.parse(packed) as [Tarball]
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(productionLock()))
    const offline = process.env['MODEL_SERVICE_TEST_OFFLINE'] === '1' ? '--offline' : '--prefer-offline'
    const flags = [offline, '--no-audit', '--no-fund', '--omit=dev', '--ignore-scripts', '--loglevel=error']
    await succeed('npm', ['install', ...flags, join(home, tarball.filename)], folder)
    return {
      folder,
      tarball,
      run: (program, args, env) => run(program, args, folder, env),
      start(program, args, env) {
        const running = start(program, args, folder, env)
        started.push(running)
        return running
      },
      remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Our lock file without what only development needs, and without a root: the packages that an install may take. */
function productionLock(): unknown {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  const needed = Object.entries(packages).filter(
    ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true,
  )
  return { lockfileVersion: 3, packages: { '': {}, ...Object.fromEntries(needed) } }
}

async function succeed(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, out, err } = await run(program, args, cwd)
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}:\n${out}\n${err}`)
  return out
}

function run(program: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...userEnvironment(), ...env }, timeout: programTimeoutMs, maxBuffer: 2 ** 26 }
    execFile(program, args, options, (error, out, err) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ exitCode, out, err: exitCode === -1 ? `${err}\n${error?.message}` : err })
    })
  })
}

function start(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Started & { child: ChildProcess } {
  const child = spawn(program, args, { cwd, env: { ...userEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const add = (text: string) => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', add)
  child.stderr.setEncoding('utf8').on('data', add)
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      add(error.message)
      resolve(null)
    })
    child.once('close', resolve)
  })
  return {
    child,
    output: () => output,
    exitCode: () => child.exitCode,
    stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

/** A user's shell: our Node first on the PATH, nothing of the npm script that may have started us, no setting of ours. */
function userEnvironment(): Record<string, string> {
  const env: Record<string, string> = {}
  const kept = /^(HOME|USER|TMPDIR|LANG|LC_.*|TZ|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|npm_config_.*)$/i
  const ofTheScript = /^npm_config_(local_prefix|global_prefix|prefix|offline|omit.*)$/i
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && kept.test(name) && !ofTheScript.test(name)) env[name] = value
  }
  return { ...env, PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter) }
}
