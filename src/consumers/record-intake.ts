/**
 * The port through which records come in, whatever client library is behind it. A record belongs to the stay (epoch) of
 * its partition with this worker in which it was read: once the partition has gone, finishing the record counts for
 * nothing, also when the partition has come back meanwhile and is read anew.
 */
import type { ReceivedRecord } from '../delivery/received-record.ts'

/** A partition of a topic. */
export interface TopicPartition {
  topic: string
  partition: number
}

/** A record in hand, with the stay of its partition that it was read in. */
export interface IntakeRecord extends ReceivedRecord {
  /** Grows with every stay of any partition; never used twice in a process. */
  readonly epoch: number
}

/** How far a partition has come. */
export interface PartitionProgress extends TopicPartition {
  /** Offset from which reading goes on. */
  nextFetch: number
  /** Everything below it is finished. */
  lowWatermark: number
  /** Offset that was committed last in this stay; null when none was. */
  committed: number | null
  /** Records received and not finished. */
  unfinishedCount: number
  /** Offset after the newest record that the broker told of; null before the first batch. */
  highWatermark: number | null
}

/** What an intake tells its owner. None of these may throw; none is awaited. */
export interface IntakeListener {
  /** Records of one batch, in the order of their partition. */
  onRecords(records: readonly IntakeRecord[]): void
  /** Partitions have gone: records of theirs that wait may be dropped; another worker reads them. */
  onRevoked(): void
  /** The intake cannot go on; the process should end with a failure so that it is started anew. */
  onFatal(error: Error): void
}

/** Brings in records and commits how far they are finished. */
export interface RecordIntake {
  /** Joins the group and begins to read. Repeated calls get the same promise. @throws BROKER_UNAVAILABLE, TOPIC_MISSING */
  start(): Promise<void>
  /** Commits what is finished and leaves the group, within a few seconds. Repeated calls get the same promise. */
  stop(): Promise<void>
  /** The record needs no more work: its offset counts as finished. Idempotent. */
  finished(record: IntakeRecord): void
  /** Whether the partition of the record has stayed with this worker since it was read. */
  isCurrent(record: IntakeRecord): boolean
  /** Stops reading: one partition, or all, those assigned later included. Holds until `resume`; what was fetched may still come. */
  pause(partition?: TopicPartition): void
  /** Takes back the pause of one partition, or the one of all; the two are kept apart. */
  resume(partition?: TopicPartition): void
  /** Partitions that are this worker's now. */
  assignment(): PartitionProgress[]
}
