import type { OutgoingRecord } from '../../../src/delivery/outgoing-record.ts'
import type { TransactionalPublisher } from '../../../src/events/transactional-publisher.ts'

/**
 * Rules of docs/delivery.md that can be switched off in the fakes around the real code, to see that the simulation notices: a
 * simulation that cannot fail proves nothing.
 */
export interface BrokenRules {
  /** Rule 1: the producer is initialised with the first publish. */
  opensLate?: boolean
  /** Rules 4 and 7: claims are granted to leases that have lapsed, and nobody looks before the call. */
  claimsWithoutLease?: boolean
  /** Rule 6: claims and releases whose sender has given up still count. */
  claimsWithoutEpoch?: boolean
  /** Rule 8: outcomes are stored whoever has the claim. */
  settlesUnfenced?: boolean
  /** Rule 10: after a failed commit all is sent again by a new producer. */
  sendsAgain?: boolean
  /** Rule 10: after a failed send the transaction is aborted and sent again by the same producer, sequence numbers and all. */
  resendsOnSameProducer?: boolean
  /** Rule 11: the process ends as soon as publishing has failed. */
  endsAtOnce?: boolean
  /** Rule 12a: a recovery scans without having fenced. */
  noFence?: boolean
  /** Rule 12d: the scan stops at the last stable offset. */
  scanStopsAtStableOffset?: boolean
  /** Rule 12f: a recovery publishes under an id of its own. */
  recoversUnderOwnId?: boolean
  /** Rule 14: nobody sweeps. */
  noSweep?: boolean
  /** Rule 15: what is settled is marked, whichever try it is of. */
  marksUnfenced?: boolean
  /** Rule 16: each renewal moves the beginning of the scan. */
  scanMovesWithRenewal?: boolean
  /** Rule 18: what another worker has counts as finished. */
  finishesHeld?: boolean
}

/** A publisher that breaks what `rules` say of publishers. */
export function brokenPublisher(
  make: () => TransactionalPublisher,
  rules: BrokenRules,
): { open(): Promise<void>; publish(records: readonly OutgoingRecord[]): Promise<void>; close(): Promise<void> } {
  let publisher = make()
  return {
    open: async () => {
      if (!rules.opensLate) await publisher.open()
    },
    publish: async (records) => {
      if (rules.opensLate) await publisher.open()
      try {
        await publisher.publish(records)
      } catch (error) {
        if (!rules.sendsAgain) throw error
        publisher = make()
        await publisher.open()
        await publisher.publish(records)
      }
    },
    close: () => publisher.close(),
  }
}
