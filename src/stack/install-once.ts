import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { StackError } from './stack-error.ts'

/** Something to be in the cache: installed once, then only looked at. */
export interface Installation {
  cacheDirectory: string
  /** What it is, also the first part of its folder's name. */
  name: string
  /** Everything that decides the content: another text is another folder. */
  identity: string
  /** What is missing when it is not there and may not be downloaded, in words. */
  what: string
  offline: boolean
  /** Fills the empty folder that it is given. */
  install(directory: string): Promise<void>
}

const MARKER = '.complete'
/** A temporary folder older than this belongs to nobody. */
const ABANDONED_MS = 24 * 3600 * 1000

/**
 * The folder of an installation, installed if need be. It is filled under a temporary name and renamed when complete,
 * so that an interrupted download never looks like a finished one; two processes at it at once do no harm.
 * @throws STACK_OFFLINE_CACHE_MISS and whatever `install` throws
 */
export async function installOnce(installation: Installation): Promise<string> {
  const hash = createHash('sha256').update(installation.identity).digest('hex').slice(0, 16)
  const target = path.join(installation.cacheDirectory, `${installation.name}-${hash}`)
  if (existsSync(path.join(target, MARKER))) return target
  if (installation.offline) {
    throw new StackError(
      'STACK_OFFLINE_CACHE_MISS',
      `${installation.what} is not in the cache (${target}), and nothing may be downloaded.`,
      'Run once with a network, or copy the cache directory of a machine of the same kind and name it in MODEL_SERVICE_CACHE_DIR.',
    )
  }
  await mkdir(installation.cacheDirectory, { recursive: true })
  await removeAbandoned(installation.cacheDirectory, installation.name)
  const temporary = path.join(
    installation.cacheDirectory,
    `.${installation.name}-${randomBytes(6).toString('hex')}.tmp`,
  )
  await mkdir(temporary)
  try {
    await installation.install(temporary)
    await writeFile(path.join(temporary, MARKER), `${new Date().toISOString()}\n`)
    await moveInto(temporary, target)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return target
}

async function moveInto(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target)
  } catch (error) {
    // Somebody else was quicker: theirs is as good as ours.
    if (existsSync(path.join(target, MARKER))) return
    // A folder without a marker: somebody has cleared part of the cache by hand.
    if (!existsSync(target)) throw error
    await rm(target, { recursive: true, force: true })
    await rename(temporary, target)
  }
}

async function removeAbandoned(cacheDirectory: string, name: string): Promise<void> {
  for (const entry of await readdir(cacheDirectory)) {
    if (!entry.startsWith(`.${name}-`) || !entry.endsWith('.tmp')) continue
    const directory = path.join(cacheDirectory, entry)
    const age = await stat(directory).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    )
    if (age > ABANDONED_MS) await rm(directory, { recursive: true, force: true })
  }
}
