import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { classArchive } from './class-archive.ts'
import { ensureFromMaven } from './ensure-from-maven.ts'
import { freePort } from './free-port.ts'
import { findJava, lightJvmFlags } from './java.ts'
import { StackError } from './stack-error.ts'
import type { StackSession } from './stack-session.ts'

/** Path of the API that speaks Confluent's protocol. */
export const REGISTRY_API_PATH = '/apis/ccompat/v7'

const READY_TIMEOUT_MS = 60_000
const REQUEST_TIMEOUT_MS = 5_000

/**
 * Starts the schema registry, in memory, with global compatibility BACKWARD (its own default is NONE).
 * @returns the base address for a Confluent-compatible client
 * @throws STACK_JAVA_MISSING, STACK_MAVEN_MISSING, STACK_DOWNLOAD_FAILED, STACK_OFFLINE_CACHE_MISS, STACK_PART_FAILED
 */
export async function startSchemaRegistry(session: StackSession): Promise<string> {
  const { cacheDirectory } = session.options
  const java = await findJava(process.env, session.signal)
  const program = await ensureFromMaven(session, {
    name: 'registry',
    what: 'Apicurio Registry',
    size: '142 MB',
    goal: 'dependency:unpack-dependencies',
    output: 'program',
  })
  const jar = (await readdir(program)).find((file) => file.endsWith('-runner.jar'))
  if (jar === undefined) {
    throw new StackError('STACK_PART_FAILED', `No runner jar in ${program}.`, 'Delete that folder and start again.')
  }
  const { address } = await session.start({
    name: 'registry',
    source: 'embedded',
    stopSignal: 'SIGTERM',
    readyTimeoutMs: READY_TIMEOUT_MS,
    launch: async (attempt) => {
      const port = await freePort()
      const shared = classArchive(
        { cacheDirectory, name: 'registry', java, classPath: path.join(program, jar) },
        attempt,
      )
      const origin = `http://127.0.0.1:${port}`
      return {
        file: java.file,
        args: [
          '-Xms96m',
          '-Xmx256m',
          ...lightJvmFlags,
          ...shared.flags,
          '-Djava.util.logging.manager=org.jboss.logmanager.LogManager',
          '-Dquarkus.http.host=127.0.0.1',
          `-Dquarkus.http.port=${port}`,
          '-jar',
          path.join(program, jar),
        ],
        cwd: session.dataFolder('registry'),
        address: `${origin}${REGISTRY_API_PATH}`,
        ...(shared.archive === undefined ? {} : { archive: shared.archive }),
        isReady: () => registryWorks(origin),
      }
    },
  })
  await setCompatibility(address)
  return address
}

/** Whether the registry at this origin says that it is ready. */
async function registryWorks(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/health/ready`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
  await response.body?.cancel()
  return response.ok
}

/**
 * Sets the registry's global compatibility to BACKWARD.
 * @throws STACK_PART_FAILED
 */
export async function setCompatibility(address: string): Promise<void> {
  const response = await fetch(`${address}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ compatibility: 'BACKWARD' }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const text = await response.text()
  if (response.ok) return
  throw new StackError(
    'STACK_PART_FAILED',
    `The schema registry refused compatibility BACKWARD with status ${response.status}: ${text.slice(0, 300)}`,
    '',
  )
}
