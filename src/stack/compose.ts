import { createHash, randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.ts'
import { brokerWorks } from './kafka.ts'
import { DATABASE_NAME } from './postgres.ts'
import { lastLines, runCommand } from './run-command.ts'
import { REGISTRY_API_PATH, setCompatibility } from './schema-registry.ts'
import { StackError } from './stack-error.ts'
import type { StackSession } from './stack-session.ts'

const UP_TIMEOUT_MS = 15 * 60 * 1000
const DOWN_TIMEOUT_MS = 2 * 60 * 1000
const INFO_TIMEOUT_MS = 15_000

/** Path of compose.yaml, at the root of the package. */
export const composeFile = (): string => fileURLToPath(new URL('../../compose.yaml', import.meta.url))

/**
 * Starts the named services of compose.yaml on free loopback ports and waits for their health checks.
 * @throws STACK_DOCKER_MISSING, STACK_PART_FAILED
 */
export async function startCompose(
  session: StackSession,
  services: readonly ('kafka' | 'registry' | 'postgres')[],
): Promise<{ kafkaBrokers: string; schemaRegistryUrl: string; databaseUrl: string }> {
  const { signal } = session
  await requireDocker(signal)
  const project = composeProject(session.options.dataDirectory)
  const ports = { kafka: await freePort(), registry: await freePort(), postgres: await freePort() }
  const password = randomBytes(18).toString('base64url')
  session.noteComposeProject(project)
  const result = await runCommand({
    file: 'docker',
    args: ['compose', '-p', project, '-f', composeFile(), 'up', '--detach', '--wait', ...services],
    env: {
      ...process.env,
      MODEL_SERVICE_KAFKA_PORT: String(ports.kafka),
      MODEL_SERVICE_SCHEMA_REGISTRY_PORT: String(ports.registry),
      MODEL_SERVICE_POSTGRES_PORT: String(ports.postgres),
      MODEL_SERVICE_POSTGRES_PASSWORD: password,
    },
    onLine: (line) => session.progress('compose', line.trim()),
    timeoutMs: UP_TIMEOUT_MS,
    signal,
  })
  if (result.code !== 0) {
    throw new StackError(
      'STACK_PART_FAILED',
      `docker compose could not start the stack.\n${lastLines(result)}`,
      'It needs the images named in compose.yaml, from Docker Hub or a mirror.',
    )
  }
  const addresses = {
    kafkaBrokers: `127.0.0.1:${ports.kafka}`,
    schemaRegistryUrl: `http://127.0.0.1:${ports.registry}${REGISTRY_API_PATH}`,
    databaseUrl: `postgresql://postgres:${password}@127.0.0.1:${ports.postgres}/${DATABASE_NAME}`,
  }
  if (services.includes('kafka')) {
    session.note({ name: 'kafka', source: 'compose', address: addresses.kafkaBrokers })
    if (!(await brokerWorks(addresses.kafkaBrokers))) {
      throw new StackError('STACK_PART_FAILED', `Kafka in Docker does not answer at ${addresses.kafkaBrokers}.`, '')
    }
  }
  if (services.includes('registry')) {
    session.note({ name: 'registry', source: 'compose', address: addresses.schemaRegistryUrl })
    await setCompatibility(addresses.schemaRegistryUrl)
  }
  if (services.includes('postgres')) {
    session.note({ name: 'postgres', source: 'compose', address: `127.0.0.1:${ports.postgres}` })
  }
  return addresses
}

/** Ends a Compose project and everything of it. @throws STACK_PART_FAILED */
export async function endCompose(project: string): Promise<void> {
  const result = await runCommand({
    file: 'docker',
    args: ['compose', '-p', project, '-f', composeFile(), 'down', '--volumes', '--timeout', '10'],
    timeoutMs: DOWN_TIMEOUT_MS,
  })
  if (result.code === 0) return
  const text = `docker compose could not end project ${project}.\n${lastLines(result)}`
  throw new StackError('STACK_PART_FAILED', text, `Try: docker compose -p ${project} down --volumes`)
}

/** One project per data directory, so that two stacks never share containers. */
export function composeProject(dataDirectory: string): string {
  return `model-service-${createHash('sha256').update(dataDirectory).digest('hex').slice(0, 10)}`
}

/** Whether a Docker engine answers, and why not. */
export async function dockerRefusal(signal?: AbortSignal): Promise<string | undefined> {
  for (const args of [
    ['info', '--format', '{{.ServerVersion}}'],
    ['compose', 'version'],
  ]) {
    const result = await runCommand({ file: 'docker', args, timeoutMs: INFO_TIMEOUT_MS, ...(signal && { signal }) })
    if (result.code !== 0) return `docker ${args[0]}: ${lastLines(result, 2)}`
  }
  return undefined
}

async function requireDocker(signal: AbortSignal): Promise<void> {
  const refusal = await dockerRefusal(signal)
  if (refusal === undefined) return
  throw new StackError(
    'STACK_DOCKER_MISSING',
    `Backend "compose" was asked for, but no Docker engine with Compose answers.\n${refusal}`,
    'Start Docker, or take the default backend "embedded", which needs Java 17 or later and Maven.',
  )
}
