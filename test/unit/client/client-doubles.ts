/** A connection without Kafka: what is written is kept, and records are given to the feeds by hand. */
import type { ClientConnection } from '../../../src/client/client-connection.ts'
import { contractType } from '../../../src/codec/contract-type.ts'
import { recordEncoder } from '../../../src/codec/record-encoder.ts'
import { unframe } from '../../../src/codec/wire-format.ts'
import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import { ModelServiceError } from '../../../src/errors/model-service-error.ts'
import { ManualTimers } from '../consumers/manual-timers.ts'

type Contract = Parameters<typeof contractType>[0]

export class ConnectionDouble {
  readonly timers = new ManualTimers()
  readonly kafka = {} as never
  readonly log = { debug() {}, info() {}, warn() {}, error() {} }
  readonly written: OutgoingRecord[] = []
  /** What ends each write, in their order. */
  readonly writeSignals: AbortSignal[] = []
  readonly decodedCount = { value: 0 }
  /** Awaited by each write. */
  onWrite: (record: OutgoingRecord) => Promise<void> = async () => {}
  /** Thrown by each start of a feed while set. */
  startFailure: Error | undefined
  /** Awaited by each start of a feed. */
  onStart: () => Promise<void> = async () => {}
  readonly #listeners = new Map<string, (record: never) => void | Promise<void>>()

  readonly writer = {
    write: async (record: OutgoingRecord, signal: AbortSignal) => {
      this.written.push(record)
      this.writeSignals.push(signal)
      await this.onWrite(record)
    },
  }

  topic(role: string): string {
    return `p.${role}`
  }

  async encoder(name: Contract) {
    return recordEncoder(name, 7)
  }

  /** The real thing, but for the registry; counts. */
  decode(name: Contract, value: Buffer | null) {
    this.decodedCount.value += 1
    try {
      return contractType(name).decode(unframe(value).payload)
    } catch (cause) {
      throw new ModelServiceError('DECODE_FAILED', 'not readable', { cause })
    }
  }

  /** What cannot be read is undefined. */
  async decodeReadable(name: Contract, { value }: { value: Buffer | null }) {
    try {
      return this.decode(name, value)
    } catch {
      return undefined
    }
  }

  feed(topic: string, onRecord: (record: never) => void | Promise<void>) {
    this.#listeners.set(topic, onRecord)
    return {
      start: async () => {
        if (this.startFailure !== undefined) throw this.startFailure
        await this.onStart()
      },
    }
  }

  /** Gives a record to the feed of a topic. */
  async receive(topic: string, record: { key?: string; headers?: Record<string, string>; value: Buffer }) {
    const { key = 'k', headers = {}, value } = record
    const received = { topic, partition: 0, offset: 0, timestamp: 0, key: Buffer.from(key), headers, value }
    await this.#listeners.get(topic)?.(received as never)
  }

  /** As the parts of a client take it. */
  get asConnection(): ClientConnection {
    return this as unknown as ClientConnection
  }
}
