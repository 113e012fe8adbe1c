/**
 * The composition root of a worker: the one place that builds infrastructure and fits adapters to ports.
 *
 *   starting ──► serving ──► draining ──► stopped
 *       │           │ fatal: a consumer is dead
 *       └───────────┴──────────► draining, then `stopped` rejects
 *
 * What is away at the start (database, broker, registry) is waited for; what is wrong (settings, topics, schemas,
 * migrations) ends the start with its code. Each release is registered beside its acquire and they run in reverse.
 */
import { createWorkerConsumers } from './app-consumers.ts'
import { createDeliveryRecords, createWorkerDelivery, createWorkerReplies } from './app-delivery.ts'
import { housekeepingTasks } from './app-housekeeping.ts'
import { createWorkerService } from './app-service.ts'
import { requireTopics, usableReplyTopics } from './app-topics.ts'
import { openPublishedEncoders } from './codec/record-encoder.ts'
import { openSchemaRegistry } from './codec/schema-registry.ts'
import { kafkaConnection, schemaRegistryConnection } from './config/connections.ts'
import type { Settings } from './config/settings-schema.ts'
import { retryDelayMs } from './consumers/retry-delay.ts'
import { watchCancellations } from './delivery/cancellation-watch.ts'
import { startHousekeeping } from './delivery/housekeeping.ts'
import type { Incarnations } from './delivery/incarnations.ts'
import { ensureRequestLogPartitions } from './delivery/request-log-partitions.ts'
import { noSteps, type Steps } from './delivery/steps.ts'
import { pauseFor, systemTimers } from './delivery/timers.ts'
import { ModelServiceError } from './errors/model-service-error.ts'
import { ChunkPublisher } from './events/chunk-publisher.ts'
import { createDeadLetters } from './events/dead-letters.ts'
import { createFeedbackRecords } from './events/feedback-records.ts'
import { createKafkaClient } from './events/kafka-client.ts'
import { startOutboxRelay } from './events/outbox-relay.ts'
import { PlainPublisher } from './events/plain-publisher.ts'
import { createRegistryRecords } from './events/registry-records.ts'
import { InProcessCommandBus, type Log } from './model-service/index.ts'
import { deliveryMetrics, measuredRecords } from './observability/delivery-metrics.ts'
import { HealthServer } from './observability/health-server.ts'
import { Metrics } from './observability/metrics.ts'
import { addConsumerSource, addDatabaseSource } from './observability/worker-sources.ts'
import { openDatabase } from './registry/database.ts'
import { PostgresCancellations } from './registry/postgres-cancellations.ts'
import { PostgresOutboxStore } from './registry/postgres-outbox-store.ts'
import { PostgresPerformance } from './registry/postgres-performance.ts'
import { PrismaRegistry } from './registry/prisma-registry.ts'
import { checkSchemaRange } from './registry/schema-range.ts'

/** What a worker gets beside its settings. */
export interface WorkerOptions {
  /** Where provider keys (`MODEL_KEY_…`) are looked up. */
  env: Readonly<Record<string, string | undefined>>
  log: Log
  /** Version of this software, noted beside the lease. */
  version: string
  /** Aborting it drains the worker. */
  signal: AbortSignal
  /** Hears the numbered points of the delivery protocol; nobody by default. */
  steps?: Steps
}

/** A worker that serves. */
export interface Worker {
  /** Id of its first incarnation: owner of its claims, and its transactional id. Another follows when that one fails. */
  id: string
  /** Resolves when it has ended in order; rejects when it had to end by itself. */
  stopped: Promise<void>
}

/**
 * Starts a worker; resolves when it serves.
 * @throws CONFIGURATION_INVALID, DATABASE_VERSION, TOPIC_MISSING, SCHEMA_MISSING
 * @throws CANCELLED when the signal came before it served
 */
export async function startWorker(settings: Settings, options: WorkerOptions): Promise<Worker> {
  const { log, signal } = options
  const failure = Promise.withResolvers<never>()
  failure.promise.catch(() => {})
  const resources = new AsyncDisposableStack()
  let id: string
  try {
    const metrics = new Metrics()
    id = await serve(settings, { ...options, resources, metrics, onFatal: failure.reject })
  } catch (error) {
    await release(resources, log)
    if (signal.aborted)
      throw new ModelServiceError('CANCELLED', 'Asked to stop before the worker served.', { cause: error })
    throw error
  }
  log.info({ workerId: id }, 'The worker serves')
  return { id, stopped: untilStopped(resources, { ...options, failure: failure.promise }) }
}

async function untilStopped(
  resources: AsyncDisposableStack,
  { log, signal, failure }: WorkerOptions & { failure: Promise<never> },
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    await Promise.race([asked, failure])
    log.info({}, 'The worker drains')
  } catch (error) {
    log.error({ err: error }, 'The worker cannot go on; it drains and ends')
    throw error
  } finally {
    await release(resources, log)
    log.info({}, 'The worker has stopped')
  }
}

/** Releases everything; what fails is logged, so that it hides no earlier error. */
async function release(resources: AsyncDisposableStack, log: Log): Promise<void> {
  await resources.disposeAsync().catch((error: unknown) => log.error({ err: error }, 'Not everything ended in order'))
}

/** What the parts of a worker share. */
interface Building extends WorkerOptions {
  resources: AsyncDisposableStack
  metrics: Metrics
  onFatal(error: Error): void
}

/** Gives the id of the first incarnation. */
async function serve(settings: Settings, building: Building): Promise<string> {
  const { log, resources, metrics, signal, onFatal, steps = noSteps } = building
  const { topicPrefix } = settings.kafka
  const health = await startHealth(settings, building)

  const database = openDatabase({
    url: settings.database.url,
    maxConnectionCount: settings.database.connectionsCount,
    connectTimeoutMs: settings.database.connectTimeoutMs,
    statementTimeoutMs: settings.database.statementTimeoutMs,
    log,
  })
  resources.defer(() => database.close())
  metrics.set('info', { version: building.version }, 1)
  addDatabaseSource(metrics, database.pool)
  health.register('database', () => database.pool.query('SELECT 1').then(() => 'answers'))
  const databaseUrl = settings.database.url
  await untilThere('database', () => checkSchemaRange({ pool: database.pool, databaseUrl }), building)
  await untilThere('request log', () => ensureRequestLogPartitions(database.pool, { now: Date.now() }), building)

  const kafka = createKafkaClient(kafkaConnection(settings.kafka), log)
  const requestTopics = settings.kafka.requestTopics.map((topic) => ({ ...topic, name: topicPrefix + topic.name }))
  const requestTopicNames = requestTopics.map(({ name }) => name)
  await untilThere('broker', () => requireTopics(kafka, topicPrefix, requestTopicNames), building)
  const replyTopics = await untilThere('broker', () => usableReplyTopics(kafka, settings, log), building)

  const schemaRegistry = openSchemaRegistry(schemaRegistryConnection(settings.schemaRegistry))
  resources.defer(() => schemaRegistry.close())
  const encoders = await untilThere(
    'schema registry',
    () => openPublishedEncoders({ registry: schemaRegistry, topicPrefix }),
    building,
  )

  const { incarnations: delivery, ...recovery } = createWorkerDelivery(settings, {
    kafka,
    pool: database.pool,
    records: measuredRecords(createDeliveryRecords(settings, encoders, replyTopics), metrics),
    observer: deliveryMetrics(metrics),
    version: building.version,
    steps,
    log,
  })
  await untilThere('broker or database', () => delivery.start(), building)
  const firstId = delivery.activeId ?? ''
  resources.defer(() => delivery.stop())
  recovery.sweep.start()
  resources.defer(() => recovery.sweep.stop())
  resources.defer(() => delivery.drain())
  addLease(delivery, { metrics, health })

  const chunks = new ChunkPublisher({ kafka, encode: encoders.ModelChunk, topicPrefix, log })
  await untilThere('broker', () => chunks.start(), building)
  resources.defer(() => chunks.stop())
  metrics.addSource('chunks', [], () => metrics.total('chunksDropped', {}, chunks.droppedCount))

  const plain = new PlainPublisher({
    kafka,
    onRefused: ({ record: { topic }, why }) => metrics.count('refusedRecords', { topic, why }),
    log,
  })
  await untilThere('broker', () => plain.start(), building)
  resources.defer(() => plain.stop())
  const deadLetters = createDeadLetters({
    publish: (records) => plain.publish(records),
    topicPrefix,
    onPublished: ({ topic }, code) => metrics.count('deadLetters', { topic, code }),
    log,
  })
  const outbox = new PostgresOutboxStore(database.pool, { replyTopics })
  resources.defer(startOutboxRelay({ store: outbox, publish: (records) => plain.publish(records), log }))
  const cancellations = settings.delivery.mode === 'ledger' ? new PostgresCancellations(database.pool) : undefined
  const performance = new PostgresPerformance({
    pool: database.pool,
    encodeFeedback: createFeedbackRecords(encoders, topicPrefix),
  })
  const tasks = housekeepingTasks(settings, { pool: database.pool, outbox, cancellations, recovery, delivery })
  resources.defer(startHousekeeping({ tasks, log }))

  const commandBus = new InProcessCommandBus()
  const registry = new PrismaRegistry({
    prisma: database.prisma,
    encoders: createRegistryRecords({ encoders, topicPrefix, replyTopics }),
  })
  const service = createWorkerService(settings, {
    ...building,
    pool: database.pool,
    delivery,
    commandBus,
    registry,
    cancellations,
    performance,
  })
  service.start()

  const replies = createWorkerReplies(settings, { pool: database.pool, schemaRegistry, encoders, replyTopics, plain })
  const { commands, requests } = createWorkerConsumers(settings, {
    ...{ kafka, schemaRegistry, commandBus, delivery, deadLetters, service, requestTopics, onFatal, log },
    ...(replies !== undefined && { replies }),
    onChunk: (chunk) => chunks.publish(chunk),
  })
  // Until the calls of a drain have ended, too.
  if (cancellations !== undefined) {
    const endWatch = watchCancellations({
      cancelled: () => delivery.cancelled(),
      cancel: (key, error) => requests.cancel(key, error),
      intervalMs: settings.delivery.cancelPollMs,
      log,
    })
    resources.defer(() => void endWatch())
  }
  resources.defer(async () => {
    await Promise.all([commands.stop(), requests.stop()])
  })
  await untilThere('broker', () => commands.start(), building)
  await untilThere('broker', () => requests.start(), building)
  health.register('requests', () => {
    const { partitions, ...status } = requests.status()
    return { ...status, partitionCount: partitions.length }
  })
  const { windowCount, windowBytes, maxConcurrentRequestsCount: maxConcurrentRequests } = settings.intake
  addConsumerSource(metrics, {
    requests: () => requests.status(),
    commands: () => commands.status(),
    limits: { windowCount, windowBytes, maxConcurrentRequests },
  })
  health.register('delivery', () => {
    const { activeId, retiredCount } = delivery
    if (activeId === undefined) throw new Error('nothing can be claimed or published: Kafka or the database is away')
    return { activeId, retiredCount }
  })
  signal.throwIfAborted()
  return firstId
}

function addLease(delivery: Incarnations, { metrics, health }: { metrics: Metrics; health: HealthServer }): void {
  if (delivery.leaseRemainingMs() === null) return
  metrics.addSource('lease', ['leaseRemaining'], () =>
    metrics.set('leaseRemaining', {}, (delivery.leaseRemainingMs() ?? 0) / 1_000),
  )
  health.register('lease', () => {
    if (!delivery.holds()) throw new Error('the lease is not renewed')
  })
}

async function startHealth(settings: Settings, { resources, metrics, log }: Building): Promise<HealthServer> {
  const { healthHost: host, healthPort: port } = settings.observability
  const health = new HealthServer({ host, port, metrics })
  if (port === 0) return health
  // Ready only when everything is; the last thing that `serve` does is to replace this.
  health.register('requests', () => Promise.reject(new Error('the worker is starting')))
  const address = await health.start()
  resources.defer(() => health.stop())
  log.info({ ...address }, 'Health is answered')
  return health
}

/** Runs until it succeeds or fails for another reason than that something is away. */
async function untilThere<T>(what: string, run: () => Promise<T>, { log, signal }: Building): Promise<T> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted()
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof ModelServiceError) || !error.code.endsWith('_UNAVAILABLE')) throw error
      const retryMs = retryDelayMs(tries, { firstMs: 250, maxMs: 5_000 })
      log.warn({ code: error.code, err: error, retryMs }, `The ${what} is away; waiting for it`)
      await pauseFor(systemTimers, retryMs, signal)
    }
  }
}
