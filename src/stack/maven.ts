import { copyFile } from 'node:fs/promises'
import path from 'node:path'
import { lastLines, runCommand } from './run-command.ts'
import { StackError, waysOutWithoutJava } from './stack-error.ts'
import type { Environment } from './stack-options.ts'

/** One run of Maven. */
export interface MavenRun {
  /** The pom to run on; it is copied, for Maven writes beside it. */
  pom: string
  /** Where the copy lies and Maven runs. */
  directory: string
  goal: string
  properties: Record<string, string>
  env: Environment
  onMessage: (message: string) => void
  signal?: AbortSignal
}

const TIMEOUT_MS = 20 * 60 * 1000

/**
 * Runs one Maven goal. Checksums are strict: a damaged download fails.
 * @throws STACK_MAVEN_MISSING
 * @throws STACK_DOWNLOAD_FAILED
 */
export async function runMaven(run: MavenRun): Promise<void> {
  await copyFile(run.pom, path.join(run.directory, 'pom.xml'))
  let fileCount = 0
  const result = await runCommand({
    file: 'mvn',
    args: [
      '-B',
      '--strict-checksums',
      ...mavenProxyProperties(run.env),
      run.goal,
      ...Object.entries(run.properties).map(([name, value]) => `-D${name}=${value}`),
    ],
    cwd: run.directory,
    onLine: (line) => {
      const file = /Downloaded from \S+ \S*\/(\S+\.(?:jar|tar\.gz)) /.exec(line)?.[1]
      if (file === undefined) return
      fileCount++
      run.onMessage(`downloaded ${fileCount} files (${file})`)
    },
    timeoutMs: TIMEOUT_MS,
    ...(run.signal && { signal: run.signal }),
  })
  if (result.spawnError === 'ENOENT') {
    throw new StackError(
      'STACK_MAVEN_MISSING',
      'Maven (mvn) is not in PATH. It fetches Kafka and the schema registry once; later starts need it no more.',
      waysOutWithoutJava,
    )
  }
  if (result.code !== 0) {
    const errors = result.stdout
      .split('\n')
      .filter((line) => line.startsWith('[ERROR]'))
      .slice(0, 6)
      .join('\n')
    throw new StackError(
      'STACK_DOWNLOAD_FAILED',
      `Maven could not fetch what the stack needs (goal ${run.goal}).\n${errors === '' ? lastLines(result) : errors}`,
      'It needs Maven Central or a mirror of it in ~/.m2/settings.xml; HTTPS_PROXY and NO_PROXY are honoured.',
    )
  }
}

/**
 * Maven reads no proxy variables, the JVM has properties of its own: translates `HTTPS_PROXY`, `HTTP_PROXY` and
 * `NO_PROXY` (either case). Hosts without a proxy are joined by `|` and take `*` where the variable says `.domain`.
 */
export function mavenProxyProperties(env: Environment): string[] {
  const properties: string[] = []
  for (const scheme of ['https', 'http'] as const) {
    const value = env[`${scheme}_proxy`] ?? env[`${scheme.toUpperCase()}_PROXY`]
    const url = value === undefined || value === '' ? undefined : parseProxy(value)
    if (url === undefined) continue
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    properties.push(`-D${scheme}.proxyHost=${url.hostname}`, `-D${scheme}.proxyPort=${port}`)
    // Visible in the process list while Maven runs; there is no other way to give them without a settings file.
    if (url.username !== '') properties.push(`-D${scheme}.proxyUser=${decodeURIComponent(url.username)}`)
    if (url.password !== '') properties.push(`-D${scheme}.proxyPassword=${decodeURIComponent(url.password)}`)
  }
  const without = (env['no_proxy'] ?? env['NO_PROXY'] ?? '')
    .split(/[\s,]+/)
    .filter((host) => host !== '')
    .flatMap((host) => (host.startsWith('.') ? [`*${host}`] : [host, ...(isAddress(host) ? [] : [`*.${host}`])]))
    .map((host) => host.replace(/^\*\.\*/, '*').replace(/:\d+$/, ''))
  // https uses http.nonProxyHosts too (Java networking properties).
  if (properties.length > 0 && without.length > 0) properties.push(`-Dhttp.nonProxyHosts=${without.join('|')}`)
  return properties
}

function parseProxy(value: string): URL | undefined {
  try {
    return new URL(/^[a-z]+:\/\//i.test(value) ? value : `http://${value}`)
  } catch {
    return undefined
  }
}

function isAddress(host: string): boolean {
  return host === '*' || host === 'localhost' || /^[\d.:/[\]a-f]+$/i.test(host)
}
