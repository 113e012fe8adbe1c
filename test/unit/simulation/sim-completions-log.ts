import { recordId } from '../../../src/delivery/outgoing-record.ts'
import { type CompletionsLog, LogTruncated } from '../../../src/delivery/recovery.ts'
import type { Network } from './network.ts'
import type { SimKafka } from './sim-kafka.ts'
import { kafkaCall } from './sim-kafka-client.ts'
import type { SimProcess } from './sim-process.ts'

/** What a {@link simCompletionsLog} works with. */
export interface SimCompletionsLogOptions {
  kafka: SimKafka
  network: Network
  process: SimProcess
  topics: readonly string[]
  /** Breaks rule 12d: the last stable offset is taken for the end. */
  stopsAtStableOffset: boolean
}

/** The logs that recoveries scan, read over the network. */
export function simCompletionsLog(options: SimCompletionsLogOptions): CompletionsLog {
  const { kafka, network, process, topics, stopsAtStableOffset } = options
  const via = { network, process }
  return {
    ends: () =>
      kafkaCall(via, 'list offsets', () =>
        topics.flatMap((topic) =>
          kafka.partitionsOf(topic).map((at) => {
            const end = stopsAtStableOffset ? kafka.lastStableOffset(at) : kafka.highWatermark(at)
            return { topic, partition: at.partition, offset: String(end) }
          }),
        ),
      ),
    async scan({ from, to, onRecord, signal }) {
      for (const { topic, partition, offset } of to) {
        const begin = from.find((at) => at.topic === topic && at.partition === partition)
        const end = Number(offset)
        let next = Number(begin?.offset ?? 0)
        while (next < end) {
          signal.throwIfAborted()
          const from = next
          const read = await kafkaCall(via, 'fetch', () => {
            const at = kafka.partition(topic, partition)
            if (from < at.logStart) throw new LogTruncated(`${topic}/${partition} begins at ${at.logStart}`)
            return { records: kafka.readCommitted(at, from, end), stable: kafka.lastStableOffset(at) }
          })
          for (const { record } of read.records) if (recordId(record.headers) !== undefined) onRecord(record.headers)
          next = Math.max(next, Math.min(end, read.stable))
          if (next < end) await new Promise<void>((resolve) => process.timers.after(20, resolve))
        }
      }
    },
  }
}
