import type { IntakeListener } from '../../../src/consumers/record-intake.ts'
import { RequestConsumer } from '../../../src/consumers/request-consumer.ts'
import { noObserver } from '../../../src/delivery/delivery-observer.ts'
import { type Incarnation, openIncarnation } from '../../../src/delivery/incarnation.ts'
import { Incarnations } from '../../../src/delivery/incarnations.ts'
import { PostgresLedger } from '../../../src/delivery/postgres-ledger.ts'
import { PostgresLease } from '../../../src/delivery/postgres-ledger-lease.ts'
import { PostgresRecoveryLedger } from '../../../src/delivery/postgres-recovery-ledger.ts'
import { type CompletionsLog, recover } from '../../../src/delivery/recovery.ts'
import type { RecoveryLedger, ScanPosition } from '../../../src/delivery/recovery-ledger.ts'
import { RecoverySweep } from '../../../src/delivery/recovery-sweep.ts'
import { parseRetryRecord } from '../../../src/events/retry-record.ts'
import { TransactionalPublisher } from '../../../src/events/transactional-publisher.ts'
import { silentLog } from '../delivery/silent-log.ts'
import { type BrokenRules, brokenPublisher } from './broken-rules.ts'
import { epochMs } from './scheduler.ts'
import { simCompletionsLog } from './sim-completions-log.ts'
import type { SimGroup } from './sim-group.ts'
import { SimIntake } from './sim-intake.ts'
import { kafkaCall, simKafkaClient } from './sim-kafka-client.ts'
import type { SimProcess } from './sim-process.ts'
import { simDeadLetter, simRecords } from './sim-records.ts'
import { SimService } from './sim-service.ts'
import { decodeRequest, leaseMs, payloadHash, requestTopics, retryDelaysMs, topics, type World } from './world.ts'

/** What a {@link SimWorker} lives in. */
export interface SimWorkerOptions {
  world: World
  process: SimProcess
  rules: BrokenRules
}

/** One worker, composed as `app.ts` does, of the real parts where the protocol lives and of simulated ones around them. */
export class SimWorker {
  readonly process: SimProcess
  readonly #options: SimWorkerOptions
  readonly #ledger: RecoveryLedger
  readonly #completions: CompletionsLog
  readonly #incarnations: Incarnations
  readonly #sweep: RecoverySweep
  readonly #consumer: RequestConsumer
  readonly #intakes: SimIntake[] = []
  #lastIncarnation = 0

  constructor(options: SimWorkerOptions) {
    const { world, process, rules } = options
    const { kafka, network, group, provider, scheduler, database } = world
    const { timers } = process
    this.process = process
    this.#options = options
    this.#ledger = new PostgresRecoveryLedger(database.poolOf(network, process))
    this.#completions = simCompletionsLog({
      ...{ kafka, network, process },
      topics: [topics.completions, ...topics.retries],
      stopsAtStableOffset: rules.scanStopsAtStableOffset ?? false,
    })
    this.#incarnations = new Incarnations({
      open: (onFailed) => this.#open(onFailed),
      recover: (owner) => this.#sweep.recoverOwner(owner),
      ledger: this.#ledger,
      log: silentLog,
      timers,
      firstRetryMs: 100,
      maxRetryMs: 1_000,
    })
    this.#sweep = new RecoverySweep({
      ledger: this.#ledger,
      recover: (owner, signal) => this.#recover(owner, signal),
      buryLapsed: () => this.#incarnations.buryLapsed(),
      intervalMs: 3_000,
      maxRetryMs: 6_000,
      log: silentLog,
      timers,
      random: () => scheduler.random.next(),
    })
    const createIntake = (of: SimGroup) => (listener: IntakeListener) => {
      const intake = new SimIntake({ ...listener, kafka, network, process, group: of })
      this.#intakes.push(intake)
      return intake
    }
    const delivery = rules.finishesHeld ? finishingHeld(this.#incarnations) : this.#incarnations
    this.#consumer = new RequestConsumer({
      topics: requestTopics,
      createIntake: createIntake(group),
      retries: {
        topics: topics.retries,
        createIntake: createIntake(world.retryGroup),
        isRetry: (topic) => topics.retries.includes(topic),
        parse: parseRetryRecord,
        clock: { now: () => epochMs + scheduler.now },
      },
      decoder: { decode: decodeRequest },
      delivery,
      deadLetters: {
        deadLetter: (record) =>
          kafkaCall({ network, process }, 'dead letter', () => void kafka.append(simDeadLetter(record))),
      },
      service: new SimService({
        provider,
        process,
        scheduler,
        eventBus: this.#incarnations,
        callsWithoutLease: rules.claimsWithoutLease ?? false,
      }),
      payloadHash,
      onFatal: (error) => {
        scheduler.note(process.name, 'cannot go on:', error.message)
        process.end()
        world.startWorker(500)
      },
      drainTimeoutMs: 30_000,
      settings: { heldRetryMs: 1_000, firstRetryMs: 100, maxRetryMs: 2_000 },
      log: silentLog,
      timers,
    })
  }

  async start(): Promise<void> {
    for (;;) {
      try {
        await this.#incarnations.start()
        break
      } catch {
        await new Promise<void>((resolve) => this.process.timers.after(100, resolve))
      }
    }
    if (!this.#options.rules.noSweep) this.#sweep.start()
    this.#moveScans()
    await this.#consumer.start()
  }

  /** Now and then, as the housekeeping of a worker does; here often. */
  #moveScans(): void {
    this.process.timers.after(this.#options.world.scheduler.random.pick([300, 3_000, 20_000]), () => {
      void this.#incarnations.moveScanFrom().catch(() => {})
      this.#moveScans()
    })
  }

  /** SIGTERM: drains, leaves and ends. */
  async stop(): Promise<void> {
    await this.#consumer.stop()
    await this.#sweep.stop()
    await this.#incarnations.stop()
    this.process.end()
  }

  /** Something may be there to read. */
  poke(): void {
    for (const intake of this.#intakes) intake.poke()
  }

  #publisher(transactionalId: string): TransactionalPublisher {
    const { world, process, rules } = this.#options
    return new TransactionalPublisher({
      kafka: simKafkaClient(world.kafka, world.network, process, rules),
      transactionalId,
      transactionTimeoutMs: 4_000,
      publishTimeoutMs: 12_000,
      steps: world.network.stepsOf(process),
      timers: process.timers,
    })
  }

  #open(onFailed: Parameters<ConstructorParameters<typeof Incarnations>[0]['open']>[0]): Promise<Incarnation> {
    const { world, process, rules } = this.#options
    const { network, scheduler, database } = world
    const { timers } = process
    const id = `${process.name}.${++this.#lastIncarnation}`
    world.oracle.owns(process, id)
    const pool = database.poolOf(network, process)
    return openIncarnation({
      id,
      ends: () => this.#completions.ends(),
      takeSeat: (_id, scanFrom) => {
        const ledger = new PostgresLedger({ pool, owner: id, log: silentLog })
        const lease = new PostgresLease({ pool, id, host: 'h', pid: 1, leaseMs, schemaVersion: '1', now: timers.now })
        return {
          ledger,
          lease: {
            open: () => lease.open(scanFrom),
            renew: async () => {
              const renewal = await lease.renew()
              if (rules.scanMovesWithRenewal) await lease.moveScanFrom(await this.#completions.ends())
              return renewal
            },
          },
          reconcile: () => ledger.reconcile(),
          buryLapsed: () => lease.buryLapsed(),
          moveScanFrom: (positions: readonly ScanPosition[]) => lease.moveScanFrom(positions),
        }
      },
      openPublisher: async (transactionalId) => {
        const publisher = brokenPublisher(() => this.#publisher(transactionalId), rules)
        await publisher.open()
        return publisher
      },
      leaseMs,
      delivery: {
        records: simRecords,
        retryDelaysMs,
        lingerMs: 3,
        maxRetryDelayMs: 1_000,
        log: silentLog,
        steps: network.stepsOf(process),
        timers,
        now: () => epochMs + scheduler.now,
      },
      onFailed: (reason, error) => {
        scheduler.note(id, 'is retired:', reason)
        if (rules.endsAtOnce) {
          process.end()
          world.startWorker(500)
        }
        onFailed(reason, error)
      },
      log: silentLog,
      timers,
    })
  }

  async #recover(owner: string, signal: AbortSignal): Promise<{ leftCount: number }> {
    const { world, process, rules } = this.#options
    world.scheduler.note(process.name, 'recovers', owner)
    return await recover(owner, {
      fence: async (id) => {
        if (rules.recoversUnderOwnId) return await this.#fenced(`${process.name} for ${id}`)
        return rules.noFence ? brokenPublisher(() => this.#publisher(id), { opensLate: true }) : await this.#fenced(id)
      },
      ledger: this.#ledger,
      completions: this.#completions,
      isReply: () => false,
      observer: noObserver,
      steps: world.network.stepsOf(process),
      log: silentLog,
      signal,
      now: process.timers.now,
    })
  }

  async #fenced(id: string): Promise<TransactionalPublisher> {
    const publisher = this.#publisher(id)
    await publisher.open()
    return publisher
  }
}

/** Breaks rule 18: takes "another worker has it" for "it is finished". */
function finishingHeld(
  incarnations: Incarnations,
): Pick<Incarnations, 'accept' | 'claim' | 'assertMayCall' | 'release' | 'drain'> {
  return {
    accept: (job) => incarnations.accept(job),
    claim: async (job) => {
      const result = await incarnations.claim(job)
      return result.kind === 'held' ? { kind: 'published' } : result
    },
    assertMayCall: (job) => incarnations.assertMayCall(job),
    release: (job, attemptCount) => incarnations.release(job, attemptCount),
    drain: () => incarnations.drain(),
  }
}
