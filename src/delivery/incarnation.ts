/**
 * One incarnation: a fresh id with its lease, its ledger, its publisher and its delivery. It comes to life in the order of rule 1 of
 * docs/delivery.md: the ends of the logs, then the lease with them, then the producer with an empty transaction; only then may
 * anything be claimed.
 */
import type { Log } from '../model-service/ports/log.ts'
import { Delivery } from './delivery.ts'
import type { DeliveryOptions } from './delivery-options.ts'
import { LeaseKeeper, type WorkerLease } from './lease-keeper.ts'
import type { Ledger } from './ledger.ts'
import type { RecordPublisher } from './outgoing-record.ts'
import type { ScanPosition } from './recovery-ledger.ts'
import { systemTimers, type Timers } from './timers.ts'

/** The place of an incarnation in the ledger. */
export interface LedgerSeat {
  ledger: Ledger
  /** The lease; opening it writes the scan positions. Null where nothing is leased, in memory. */
  lease: WorkerLease | null
  /** Puts right what lost answers have left behind (6); after each renewal. */
  reconcile(): Promise<void>
  /** Flags others dead whose lease has lapsed (3). */
  buryLapsed(): Promise<unknown>
  /** Notes that recoveries may begin their scan here (16). */
  moveScanFrom(positions: readonly ScanPosition[]): Promise<void>
}

/** What an incarnation is made of. */
export interface IncarnationOptions {
  /** Fresh; never used before. */
  id: string
  /** High watermarks of the logs that a recovery scans. @throws BROKER_UNAVAILABLE */
  ends(): Promise<readonly ScanPosition[]>
  takeSeat(id: string, scanFrom: readonly ScanPosition[]): LedgerSeat
  /** Opens the publisher under the id, with an empty transaction. @throws BROKER_UNAVAILABLE */
  openPublisher(id: string): Promise<RecordPublisher & { close(): Promise<void> }>
  /** How long the lease holds, in ms. */
  leaseMs: number
  delivery: Omit<DeliveryOptions, 'ledger' | 'publisher' | 'onFatal' | 'mayCall'>
  /** Publishing failed, or the lease is lost: called once. */
  onFailed(reason: 'publishing-failed' | 'lease-lost', error: Error): void
  log: Log
  timers?: Timers
}

/** A living incarnation. */
export interface Incarnation {
  readonly id: string
  readonly delivery: Delivery
  /** Whether its lease holds for so many ms more. */
  holds(marginMs: number): boolean
  /** For how many ms the lease holds at least; null where nothing is leased. */
  leaseRemainingMs(): number | null
  reconcile(): Promise<void>
  buryLapsed(): Promise<unknown>
  /** Moves the beginning of a recovery's scan to the ends of now, in a moment of quiet (16); false when there was none. */
  moveScanFrom(): Promise<boolean>
  /** Ends renewals and publisher. The lease is left to lapse: whoever closes flags it dead when that is true. */
  close(): Promise<void>
}

/** Opens an incarnation. @throws BROKER_UNAVAILABLE, DATABASE_UNAVAILABLE try again later, with another id */
export async function openIncarnation(options: IncarnationOptions): Promise<Incarnation> {
  const { id, leaseMs, log, timers = systemTimers } = options
  const seat = options.takeSeat(id, await options.ends())
  let hasFailed = false
  const failed = (reason: 'publishing-failed' | 'lease-lost', error: Error): void => {
    if (hasFailed) return
    hasFailed = true
    options.onFailed(reason, error)
  }
  const keeper = seat.lease === null ? undefined : keepLease(seat, seat.lease, { leaseMs, log, timers, failed })
  await keeper?.start()
  // A call that begins now and whose claim lapses a moment later could be repeated by others (7).
  const marginMs = Math.min(1_000, leaseMs / 5)
  const holds = (margin: number): boolean => keeper?.isAlive(margin) ?? true
  try {
    const publisher = await options.openPublisher(id)
    const delivery = new Delivery({
      ...options.delivery,
      ledger: seat.ledger,
      publisher,
      mayCall: () => holds(marginMs),
      onFatal: (error) => failed(holds(0) ? 'publishing-failed' : 'lease-lost', error),
    })
    return {
      id,
      delivery,
      holds,
      leaseRemainingMs: () => keeper?.remainingMs() ?? null,
      reconcile: () => seat.reconcile(),
      buryLapsed: () => seat.buryLapsed(),
      moveScanFrom: () => delivery.quiet(async () => seat.moveScanFrom(await options.ends())),
      close: async () => {
        keeper?.stop()
        await publisher.close()
      },
    }
  } catch (error) {
    keeper?.stop()
    throw error
  }
}

interface KeepOptions {
  leaseMs: number
  log: Log
  timers: Timers
  failed(reason: 'lease-lost', error: Error): void
}

function keepLease(seat: LedgerSeat, lease: WorkerLease, { leaseMs, log, timers, failed }: KeepOptions): LeaseKeeper {
  return new LeaseKeeper({
    lease: {
      open: () => lease.open(),
      renew: async () => {
        const renewal = await lease.renew()
        // Its failure says nothing about the lease; it comes again with the next renewal.
        if (renewal === 'renewed') void seat.reconcile().catch(() => {})
        return renewal
      },
    },
    leaseMs,
    renewIntervalMs: Math.min(5_000, leaseMs / 3),
    log,
    timers,
    onLost: () => failed('lease-lost', new Error('Another worker has declared this incarnation dead')),
  })
}
