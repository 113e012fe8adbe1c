/** The outbox port: records that a SQL transaction left behind to be published after it. */
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'

/** Where registry changes leave their events and command results. */
export interface OutboxStore {
  /**
   * Hands up to `limit` unpublished records to `publish`, oldest first, and marks them once it has resolved. No two
   * workers work at once, so the order holds; while another one has the lock this returns 0 at once. When `publish` rejects, nothing is
   * marked and the rejection passes through. A crash between publishing and marking publishes again: event ids are
   * deterministic, so readers can tell.
   * @returns how many records were published
   * @throws DATABASE_UNAVAILABLE
   */
  publishNext(limit: number, publish: (records: readonly OutgoingRecord[]) => Promise<void>): Promise<number>
}
