/** The outbox port: records that a SQL transaction left behind to be published after it. */
import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'

/** Where registry changes leave their events and command results. */
export interface OutboxStore {
  /**
   * Hands up to `limit` unpublished records to `publish`, oldest first, and marks them once it has resolved. No two
   * workers work at once, so the order holds; while another one has the lock this returns 0 at once. When `publish` rejects, nothing is
   * marked and the rejection passes through. A crash between publishing and marking publishes again: event ids are
   * deterministic, so readers can tell. Of what `publish` gives as refused, a record is set aside for good, with a note of it, and
   * one of a topic that takes nothing comes again.
   * @returns how many records were published or set aside
   * @throws DATABASE_UNAVAILABLE
   * @throws BROKER_UNAVAILABLE when a topic takes nothing; all others are marked
   */
  publishNext(limit: number, publish: PublishOutbox): Promise<number>
}

/** Publishes records in order; gives those that Kafka refuses. @throws BROKER_UNAVAILABLE */
export type PublishOutbox = (records: readonly OutgoingRecord[]) => Promise<readonly RefusedRecord[]>
