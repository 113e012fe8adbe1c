/**
 * A reader of committed records gets from the broker everything below the last stable offset, and a list of the transactions
 * in it that were aborted; leaving their records out is the client's part. kafkajs 2.2.4 (`filterAbortedMessages`) takes the
 * list for sorted by first offset, and takes at most one entry of it for each record. It is sorted by the end of the
 * transactions. So where aborted transactions overlap, or several are open where a fetch begins, aborted records are handed over as
 * committed, and committed ones may be left out. For the recovery of a worker that would mean a result lost.
 *
 * Here the list is worked off as Kafka's own client does (`CompletedFetch`, by a queue ordered by first offset). Aborted records are
 * marked as control records, which kafkajs skips but counts as read; then the list is emptied. Only in the version that was read.
 */
import { kafkajsPart } from './kafkajs-parts.ts'

/** The part of a fetched partition that counts here. */
export interface FetchedPartition {
  abortedTransactions?: { producerId: string; firstOffset: string }[] | null
  /** In the order of their offsets. Records of the formats before transactions have no batch context. */
  messages: FetchedRecord[]
}

/** A record as kafkajs decodes it. */
export interface FetchedRecord {
  offset: string
  key: Buffer | null
  isControlRecord?: boolean
  batchContext?: { producerId: string; inTransaction: boolean }
}

const marker = Symbol.for('model-service.kafkajs-aborted-records')
/** Type of a control record, after its version of two bytes: 0 aborts, 1 commits. */
const abortType = 0

interface BrokerPrototype {
  fetch(options: unknown): Promise<{ responses: { partitions: FetchedPartition[] }[] }>
  [marker]?: true
}

/** Makes all consumers leave out what was aborted, and only that. False when this is another version, which is left alone. */
export function installAbortedRecords(): boolean {
  const broker = kafkajsPart<{ prototype: BrokerPrototype }>('broker')
  if (broker === undefined) return false
  const { prototype } = broker
  if (prototype[marker]) return true
  const original = prototype.fetch
  prototype.fetch = async function (options) {
    const fetched = await original.call(this, options)
    for (const { partitions } of fetched.responses) for (const partition of partitions) markAborted(partition)
    return fetched
  }
  prototype[marker] = true
  return true
}

/** Marks the records of aborted transactions as control records and empties the list of these transactions. */
export function markAborted(partition: FetchedPartition): void {
  const { abortedTransactions, messages } = partition
  if (!abortedTransactions || abortedTransactions.length === 0) return
  const waiting = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((left, right) => (left.firstOffset < right.firstOffset ? -1 : left.firstOffset > right.firstOffset ? 1 : 0))
  const aborting = new Set<string>()
  let next = 0
  for (const message of messages) {
    const offset = BigInt(message.offset)
    for (let begun = waiting[next]; begun !== undefined && begun.firstOffset <= offset; begun = waiting[++next]) {
      aborting.add(begun.producerId)
    }
    const { batchContext } = message
    if (batchContext === undefined || !aborting.has(batchContext.producerId)) continue
    if (message.isControlRecord === true) {
      if (isAbort(message)) aborting.delete(batchContext.producerId)
    } else if (batchContext.inTransaction) {
      message.isControlRecord = true
    }
  }
  partition.abortedTransactions = []
}

function isAbort({ key }: FetchedRecord): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === abortType
}
