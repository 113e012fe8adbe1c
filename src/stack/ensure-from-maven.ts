import { readFileSync } from 'node:fs'
import path from 'node:path'
import { assetPath } from './asset-path.ts'
import { installOnce } from './install-once.ts'
import { runMaven } from './maven.ts'
import type { StackSession } from './stack-session.ts'

/** A part of the stack that Maven fetches by a pom of ours. */
export interface MavenInstall {
  /** Folder of its `pom.xml` among the assets, its name in the cache, and the part that progress is told of. */
  name: 'kafka' | 'registry'
  /** Name of the program for people. */
  what: string
  /** Size of what is downloaded, for people. */
  size: string
  goal: string
  /** Folder inside the installation that the goal writes to. */
  output: string
  properties?: Record<string, string>
}

/**
 * Installs a part into the cache unless it is there, a changed pom making it anew.
 * @returns the folder that the goal wrote to
 * @throws STACK_MAVEN_MISSING, STACK_DOWNLOAD_FAILED, STACK_OFFLINE_CACHE_MISS
 */
export async function ensureFromMaven(session: StackSession, part: MavenInstall): Promise<string> {
  const { name, what, size, goal, output, properties } = part
  const pom = assetPath(name, 'pom.xml')
  const directory = await installOnce({
    cacheDirectory: session.options.cacheDirectory,
    name,
    identity: readFileSync(pom, 'utf8'),
    what: `${what} (${size})`,
    offline: session.options.offline,
    install: async (temporary) => {
      session.progress(name, `fetching ${what} with Maven, once (${size})`)
      await runMaven({
        pom,
        directory: temporary,
        goal,
        properties: { ...properties, outputDirectory: path.join(temporary, output) },
        env: process.env,
        onMessage: (message) => session.progress(name, message),
        signal: session.signal,
      })
    },
  })
  return path.join(directory, output)
}
