/** The release before the newest migration, taken out of git's history and made runnable. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../../../scripts/run-step.ts'

/** A checkout of it. */
export interface PreviousRelease {
  commit: string
  folder: string
  remove(): Promise<void>
}

const run = promisify(execFile)

/**
 * The commit before the newest migration, or the reason why there is none here. Not an older one: it runs with the packages of this
 * checkout, and the further back, the more of its own are gone.
 */
export async function previousCommit(): Promise<{ commit: string } | { missing: string }> {
  try {
    const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim()
    if ((await git('rev-parse', '--is-shallow-repository')) === 'true') return { missing: 'the history is shallow' }
    const path = 'prisma/migrations/*/migration.sql'
    const added = (await git('log', '--reverse', '--format=%H', '--diff-filter=A', '--', path)).split('\n')
    const newest = added.at(-1)
    return newest === undefined || added.length === 1
      ? { missing: 'there is one migration only' }
      : { commit: await git('rev-parse', `${newest}^`) }
  } catch (error) {
    return { missing: `git cannot be asked (${error instanceof Error ? error.message.split('\n')[0] : error})` }
  }
}

/** Unpacks a commit beside this checkout's packages. */
export async function unpackRelease(commit: string): Promise<PreviousRelease> {
  const folder = await mkdtemp(join(tmpdir(), 'model-service-previous-'))
  const archive = join(folder, 'release.tar')
  await run('git', ['archive', '--format=tar', '-o', archive, commit], { cwd: root })
  await run('tar', ['-xf', archive, '-C', folder])
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  await run(process.execPath, ['scripts/generate-prisma.ts'], { cwd: folder })
  return { commit, folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
