import { createHash, randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { Java } from './java.ts'

/** JVM flags about an archive of loaded classes, and what becomes of one that is being written. */
export interface ClassArchive {
  flags: string[]
  archive?: { temporary: string; final: string }
}

/**
 * Class data sharing: the first JVM writes an archive of its loaded classes when it ends, later ones start from it in
 * half the time. It fits one Java build and one class path. A damaged one only costs a warning, and from the second
 * attempt on neither is used, so that it can never prevent a start.
 */
export function classArchive(
  { cacheDirectory, name, java, classPath }: { cacheDirectory: string; name: string; java: Java; classPath: string },
  attempt: number,
): ClassArchive {
  const hash = createHash('sha256').update(`${java.build}\n${classPath}`).digest('hex').slice(0, 16)
  const final = path.join(cacheDirectory, `${name}-classes-${hash}.jsa`)
  if (attempt > 1) {
    rmSync(final, { force: true })
    return { flags: [] }
  }
  if (existsSync(final)) return { flags: ['-Xshare:auto', `-XX:SharedArchiveFile=${final}`] }
  const temporary = `${final}.${randomBytes(4).toString('hex')}.tmp`
  return { flags: [`-XX:ArchiveClassesAtExit=${temporary}`], archive: { temporary, final } }
}
