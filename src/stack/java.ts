import path from 'node:path'
import { lastLines, runCommand } from './run-command.ts'
import { StackError, waysOutWithoutJava } from './stack-error.ts'
import type { Environment } from './stack-options.ts'

/** A Java runtime that is new enough. */
export interface Java {
  /** Path or name of the `java` program. */
  file: string
  /** The full version text, one of a kind per build: archives of loaded classes fit exactly one. */
  build: string
}

/** The least feature version: Kafka 4 and the registry need it. */
const LEAST_JAVA = 17

/** Keeps a JVM of a local stack small and quick to start, at the price of peak speed that nobody needs there. */
export const lightJvmFlags = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:ActiveProcessorCount=2'] as const

/**
 * Finds Java: `JAVA_HOME`, then `PATH`.
 * @throws STACK_JAVA_MISSING
 */
export async function findJava(env: Environment, signal?: AbortSignal): Promise<Java> {
  const found: string[] = []
  for (const file of javaCandidates(env)) {
    const result = await runCommand({ file, args: ['-version'], timeoutMs: 20_000, ...(signal && { signal }) })
    if (result.spawnError !== undefined) continue
    const version = result.code === 0 ? parseJavaVersion(result.stderr) : undefined
    if (version !== undefined && version >= LEAST_JAVA) return { file, build: result.stderr.trim() }
    found.push(version === undefined ? `${file}: ${lastLines(result, 1)}` : `${file} is Java ${version}`)
  }
  const detail = found.length === 0 ? 'There is none in JAVA_HOME or PATH.' : `Found: ${found.join('; ')}.`
  throw new StackError(
    'STACK_JAVA_MISSING',
    `The embedded Kafka and schema registry need Java ${LEAST_JAVA} or later. ${detail}`,
    waysOutWithoutJava,
  )
}

/** The feature version from what `java -version` prints: 17 from `"17.0.15"`, 8 from `"1.8.0_392"`. */
export function parseJavaVersion(text: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? []
  if (first === undefined) return undefined
  return first === '1' && second !== undefined ? Number(second) : Number(first)
}

function javaCandidates(env: Environment): string[] {
  const home = env['JAVA_HOME']
  return [...(home === undefined || home === '' ? [] : [path.join(home, 'bin', 'java')]), 'java']
}
