import type { Kafka } from 'kafkajs'
import { topicName } from '../contract/topics.ts'
import { type CompletionsLog, LogTruncated } from '../delivery/recovery.ts'
import type { ScanPosition } from '../delivery/recovery-ledger.ts'
import { brokerError } from './broker-error.ts'
import { readLogEnds } from './log-ends.ts'
import { retryTopicRoles } from './retry-record.ts'
import { readTopics, type TopicPositions } from './topic-reader.ts'

/** What the log is made of. */
export interface KafkaCompletionsLogOptions {
  kafka: Kafka
  topicPrefix: string
  /** What stands before the name of a scan's own consumer group. */
  /**
   * A scan that reads nothing for so long gives up, in ms. More than the longest transaction time-out of any worker, for a scan waits
   * for open transactions of others.
   */
  stallTimeoutMs: number
}

/** The completions topic and the retry topics, as recoveries read them. */
export function createKafkaCompletionsLog(options: KafkaCompletionsLogOptions): CompletionsLog {
  const { kafka, topicPrefix, stallTimeoutMs } = options
  const topics = [topicName('completions', topicPrefix), ...retryTopicRoles.map((role) => topicName(role, topicPrefix))]

  return {
    async ends() {
      const ends = await readLogEnds(kafka, topics)
      return ends.map(({ topic, partition, next: offset }) => ({ topic, partition, offset }))
    },

    async scan({ from, to, onRecord, signal }) {
      const starts = toPositions(from)
      const wanted = toPositions(to)
      for (const { topic, partition, first } of await readLogEnds(kafka, [...wanted.keys()])) {
        const start = startOf(starts, { topic, partition })
        if (wanted.get(topic)?.has(partition) && start < Number(first)) {
          throw new LogTruncated(
            `${topic}/${partition} begins at ${first}, but outcomes may lie from ${start} on: they cannot be told from lost ones.`,
          )
        }
      }
      // What has nothing new is left out; the rest is read to its end, wherever open transactions let that be readable.
      const ends = toPositions(to.filter((end) => Number(end.offset) > startOf(starts, end)))
      if (ends.size === 0) return
      const end = await readTopics({
        kafka,
        topics: [...ends.keys()],
        from: withZeros(starts, ends),
        until: ends,
        signal,
        stallTimeoutMs,
        onRecord: ({ headers }) => {
          onRecord(headers)
          return undefined
        },
      }).catch((error: unknown) => {
        throw brokerError(error)
      })
      if (end !== 'end-reached') signal.throwIfAborted()
    },
  }
}

function startOf(starts: TopicPositions, { topic, partition }: Pick<ScanPosition, 'topic' | 'partition'>): number {
  return starts.get(topic)?.get(partition) ?? 0
}

function toPositions(positions: readonly ScanPosition[]): Map<string, Map<number, number>> {
  const byTopic = new Map<string, Map<number, number>>()
  for (const { topic, partition, offset } of positions) {
    const partitions = byTopic.get(topic) ?? new Map<number, number>()
    partitions.set(partition, Number(offset))
    byTopic.set(topic, partitions)
  }
  return byTopic
}

/** A partition of which nothing is known is read from offset 0 (rule 16). */
function withZeros(starts: TopicPositions, ends: TopicPositions): TopicPositions {
  return new Map(
    [...ends].map(([topic, partitions]) => [
      topic,
      new Map([...partitions.keys()].map((partition) => [partition, starts.get(topic)?.get(partition) ?? 0])),
    ]),
  )
}
