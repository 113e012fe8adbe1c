import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Admin } from 'kafkajs'
import { createKafkaClient } from '../events/kafka-client.ts'
import { withAdmin } from '../events/with-admin.ts'
import type { Log } from '../model-service/ports/log.ts'
import { assetPath } from './asset-path.ts'
import { classArchive } from './class-archive.ts'
import { ensureFromMaven } from './ensure-from-maven.ts'
import { freePort, portAnswers } from './free-port.ts'
import { findJava, type Java, lightJvmFlags } from './java.ts'
import { lastLines, runCommand } from './run-command.ts'
import { StackError } from './stack-error.ts'
import type { StackSession } from './stack-session.ts'

/** The largest batch of records that the broker takes: the contract's 8 MiB and room for batch overhead. */
const KAFKA_MESSAGE_MAX_BYTES = 8 * 1024 * 1024 + 256 * 1024

// A broker that is not ready yet makes kafkajs complain; that is what is being waited for.
const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

const FORMAT_TIMEOUT_MS = 60_000
const READY_TIMEOUT_MS = 60_000

/**
 * Starts one Kafka broker in KRaft mode.
 * @returns its `host:port`
 * @throws STACK_JAVA_MISSING, STACK_MAVEN_MISSING, STACK_DOWNLOAD_FAILED, STACK_OFFLINE_CACHE_MISS, STACK_PART_FAILED
 */
export async function startKafka(session: StackSession): Promise<string> {
  const { signal } = session
  const { cacheDirectory } = session.options
  const java = await findJava(process.env, signal)
  const jars = await ensureFromMaven(session, {
    name: 'kafka',
    what: 'Kafka',
    size: '45 MB',
    goal: 'dependency:copy-dependencies',
    output: 'jars',
    properties: { includeScope: 'runtime' },
  })
  // Sorted and explicit: an archive of loaded classes fits exactly one class path, and a wildcard's order is the file system's.
  const classPath = (await readdir(jars))
    .sort()
    .map((jar) => path.join(jars, jar))
    .join(path.delimiter)
  const { address } = await session.start({
    name: 'kafka',
    source: 'embedded',
    stopSignal: 'SIGTERM',
    readyTimeoutMs: READY_TIMEOUT_MS,
    launch: async (attempt) => {
      const folder = session.dataFolder('kafka')
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true })
      const brokerPort = await freePort()
      const controllerPort = await freePort()
      const properties = path.join(folder, 'server.properties')
      const dataDirectory = path.join(folder, 'data')
      await writeFile(properties, kafkaProperties({ brokerPort, controllerPort, dataDirectory }))
      const common = [
        '-Xms128m',
        '-Xmx384m',
        ...lightJvmFlags,
        `-Dlog4j2.configurationFile=${assetPath('kafka', 'log4j2.properties')}`,
        `-Dkafka.logs.dir=${folder}`,
      ]
      const shared = classArchive({ cacheDirectory, name: 'kafka', java, classPath }, attempt)
      // An archive is for reading here; the one being written is the broker's.
      const reading = shared.archive === undefined ? shared.flags : []
      await formatStorage({ java, args: [...common, ...reading, '-cp', classPath], properties, signal })
      const broker = `127.0.0.1:${brokerPort}`
      return {
        file: java.file,
        args: [...common, ...shared.flags, '-cp', classPath, 'kafka.Kafka', properties],
        cwd: folder,
        address: broker,
        ...(shared.archive === undefined ? {} : { archive: shared.archive }),
        isReady: async () => (await portAnswers(brokerPort)) && (await brokerWorks(broker)),
      }
    },
  })
  return address
}

/**
 * Whether the brokers describe their cluster and would create a topic: the port opens a little before that.
 * The topic is only validated, so nothing is left behind.
 */
export async function brokerWorks(brokers: string): Promise<boolean> {
  const list = brokers.split(',')
  const kafka = createKafkaClient(
    { clientId: 'model-service-stack', brokers: list, connectionTimeoutMs: 2_000 },
    silentLog,
  )
  const works = async (admin: Admin): Promise<boolean> => {
    const { brokers: alive } = await admin.describeCluster()
    if (alive.length === 0) return false
    const topic = `stack-ready-${randomBytes(6).toString('hex')}`
    const topics = [{ topic, numPartitions: 1, replicationFactor: 1 }]
    // A topic that is only validated never gets the leader that is waited for by default.
    return await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics })
  }
  return await withAdmin(kafka, works, { retry: { retries: 0 } }).catch(() => false)
}

/** The broker's whole configuration: one node, loopback only, few threads, no automatic topics. */
export function kafkaProperties(where: { brokerPort: number; controllerPort: number; dataDirectory: string }): string {
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${where.controllerPort}`,
    listeners: `BROKER://127.0.0.1:${where.brokerPort},CONTROLLER://127.0.0.1:${where.controllerPort}`,
    'advertised.listeners': `BROKER://127.0.0.1:${where.brokerPort}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': where.dataDirectory,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'auto.create.topics.enable': false,
    'message.max.bytes': KAFKA_MESSAGE_MAX_BYTES,
    'replica.fetch.max.bytes': KAFKA_MESSAGE_MAX_BYTES,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'log.segment.bytes': 16 * 1024 * 1024,
  }
  // A backslash escapes in Java's properties format.
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('')
}

/** A cluster id as Kafka writes them: 16 random bytes in base64url. A leading dash would be read as an option. */
export function newClusterId(random: (size: number) => Buffer = randomBytes): string {
  for (;;) {
    const id = random(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

async function formatStorage(run: {
  java: Java
  args: string[]
  properties: string
  signal: AbortSignal
}): Promise<void> {
  const result = await runCommand({
    file: run.java.file,
    args: [...run.args, 'kafka.tools.StorageTool', 'format', '-t', newClusterId(), '-c', run.properties],
    timeoutMs: FORMAT_TIMEOUT_MS,
    signal: run.signal,
  })
  if (result.code !== 0) {
    throw new StackError('STACK_PART_FAILED', `Kafka could not format its directory.\n${lastLines(result)}`, '')
  }
}
