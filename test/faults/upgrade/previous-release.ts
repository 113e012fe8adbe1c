/** The release before the newest migrations, taken out of git's history and made runnable. */
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

/** The commit whose database had the first migration only, or the reason why there is none here. */
export async function previousCommit(): Promise<{ commit: string } | { missing: string }> {
  try {
    const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim()
    if ((await git('rev-parse', '--is-shallow-repository')) === 'true') return { missing: 'the history is shallow' }
    const path = 'prisma/migrations/*/migration.sql'
    const added = (await git('log', '--reverse', '--format=%H', '--diff-filter=A', '--', path)).split('\n')
    return added[1] === undefined
      ? { missing: 'there is one migration only' }
      : { commit: await git('rev-parse', `${added[1]}^`) }
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
