/** Doubles of all that a dispatcher works with. A record's value is the JSON of its request. */

import type { DispatcherSettings } from '../../../src/consumers/dispatcher-options.ts'
import type { LaterReplies, RequestDelivery, RequestProcessor, ValueDecoder } from '../../../src/consumers/ports.ts'
import type { IntakeRecord, TopicPartition } from '../../../src/consumers/record-intake.ts'
import { RequestDispatcher } from '../../../src/consumers/request-dispatcher.ts'
import type { Lane, ModelCompletion, ModelRequest } from '../../../src/contract/types.ts'
import type { DeliveryJob } from '../../../src/delivery/delivery-job.ts'
import type { ClaimGrant, ClaimResult } from '../../../src/delivery/ledger.ts'
import type { ReceivedRecord } from '../../../src/delivery/received-record.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import type { Log } from '../../../src/model-service/ports/log.ts'
import type { Claim, RequestContext } from '../../../src/model-service/ports/request-context.ts'
import { ManualTimers } from './manual-timers.ts'

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export const granted: ClaimGrant = {
  ...{ token: 1, attemptBase: 0, unknownCount: 0, claimedAt: 7, retry: 0, priorAttempts: [] },
}
export const claimed: ClaimResult = { kind: 'claimed', ...granted }

/** An intake that notes what it is told. */
export class IntakeDouble {
  readonly finishedOffsets: number[] = []
  isPaused = false
  epoch = 1
  readonly isCurrent = (record: IntakeRecord) => record.epoch >= this.epoch
  finished(record: IntakeRecord): void {
    this.finishedOffsets.push(record.offset)
  }
  /** Partitions that are paused on their own. */
  readonly pausedPartitions = new Set<number>()
  pause(partition?: TopicPartition): void {
    if (partition === undefined) this.isPaused = true
    else this.pausedPartitions.add(partition.partition)
  }
  resume(partition?: TopicPartition): void {
    if (partition === undefined) this.isPaused = false
    else this.pausedPartitions.delete(partition.partition)
  }
}

/** A delivery engine whose ledger answers what a test sets. */
export class DeliveryDouble implements RequestDelivery {
  /** Answers by request id, one after the other; then `claimed`. An Error is thrown. */
  readonly answers = new Map<string, (ClaimResult | Error | Promise<ClaimResult>)[]>()
  /** Thrown by every claim while set. */
  outage: Error | undefined
  deadLetterOutage: Error | undefined
  readonly accepted: string[] = []
  readonly claims: string[] = []
  readonly released: string[] = []
  readonly deadLetters: { record: ReceivedRecord; code: string }[] = []
  drainCount = 0

  accept(job: DeliveryJob): void {
    this.accepted.push(job.requestId)
  }

  async claim(job: DeliveryJob): Promise<ClaimResult> {
    this.claims.push(job.requestId)
    if (this.outage !== undefined) throw this.outage
    const answer = await (this.answers.get(job.requestId)?.shift() ?? claimed)
    if (answer instanceof Error) throw answer
    return answer
  }

  assertMayCall(): void {}

  async release(job: DeliveryJob): Promise<void> {
    this.released.push(job.requestId)
  }

  async deadLetter(record: ReceivedRecord, error: ModelServiceError): Promise<void> {
    if (this.deadLetterOutage !== undefined) throw this.deadLetterOutage
    this.deadLetters.push({ record, code: error.code })
  }

  async drain(): Promise<void> {
    this.drainCount += 1
  }
}

/** A service whose calls last until the test ends them, or end at once with `autoEnd`. */
export class ServiceDouble implements RequestProcessor {
  autoEnd = true
  /** Request ids in the order in which their processing began, and in which their call began. */
  readonly begun: string[] = []
  readonly called: string[] = []
  readonly contexts = new Map<string, RequestContext>()
  readonly grants = new Map<string, Claim | undefined>()
  /** Called in place of planning; may throw or wait. */
  plan: (request: ModelRequest) => void | Promise<void> = () => {}
  /** Called in place of publishing; may throw. */
  publish: (request: ModelRequest) => void | Promise<void> = () => {}
  readonly #ends = new Map<string, () => void>()

  async process(request: ModelRequest, context: RequestContext): Promise<ModelCompletion> {
    const { requestId } = request
    this.begun.push(requestId)
    this.contexts.set(requestId, context)
    await this.plan(request)
    this.grants.set(requestId, await context.beforeFirstCall?.())
    this.called.push(requestId)
    if (!this.autoEnd) {
      await new Promise<void>((resolve, reject) => {
        this.#ends.set(requestId, resolve)
        context.signal?.addEventListener('abort', () => reject(context.signal?.reason), { once: true })
      })
    }
    await this.publish(request)
    return {} as ModelCompletion
  }

  /** Ends the call of a request. */
  end(requestId: string): void {
    this.#ends.get(requestId)?.()
    this.#ends.delete(requestId)
  }

  /** Requests whose call has begun and not ended. */
  get runningIds(): string[] {
    return [...this.#ends.keys()]
  }
}

/** Decodes JSON; what is not JSON is poison. While `away`, the registry does not answer. */
export class DecoderDouble implements ValueDecoder<ModelRequest> {
  away = false
  decode(value: Buffer | null): ModelRequest {
    if (this.away) throw new ModelServiceError('SCHEMA_REGISTRY_UNAVAILABLE', 'The registry is away')
    try {
      return JSON.parse(String(value)) as ModelRequest
    } catch (cause) {
      throw new ModelServiceError('DECODE_FAILED', 'Not JSON', { cause })
    }
  }
}

/** A dispatcher with all its doubles. */
export function setUp(settings: DispatcherSettings = {}, log: Log = silentLog, replies?: LaterReplies) {
  const timers = new ManualTimers()
  const intake = new IntakeDouble()
  const delivery = new DeliveryDouble()
  const service = new ServiceDouble()
  const decoder = new DecoderDouble()
  const fatals: Error[] = []
  const dispatcher = new RequestDispatcher({
    intake,
    delivery,
    deadLetters: delivery,
    service,
    decoder,
    ...(replies !== undefined && { replies }),
    payloadHash: ({ requestId }) => `v1:${requestId}`,
    onFatal: (error) => fatals.push(error),
    log,
    timers,
    settings,
  })
  return { timers, intake, delivery, service, decoder, dispatcher, fatals }
}

let nextOffset = 0

/** A record with that value. */
export function recordOf(value: string, epoch = 1): IntakeRecord {
  const offset = nextOffset++
  return {
    topic: 'model.requests',
    partition: 0,
    offset,
    epoch,
    key: Buffer.from('key'),
    value: Buffer.from(value),
    headers: {},
    timestamp: 1_000 + offset,
  }
}

/** A record with a request of that id. */
export function requestRecord(
  requestId: string,
  rest: { tenant?: string; lane?: Lane; stream?: boolean; epoch?: number; padding?: number } = {},
): IntakeRecord {
  const { epoch = 1, padding = 0, ...fields } = rest
  const request = { requestId, tenant: 'acme', lane: 'NORMAL', onUncertain: 'RETRY', stream: false, ...fields }
  return recordOf(JSON.stringify({ ...request, padding: 'x'.repeat(padding) }), epoch)
}

/** Request ids `<prefix>1` to `<prefix><count>`. */
export function ids(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}${n + 1}`)
}
