/**
 * Reads topics into the work file: the facts of some thousand records and the offsets behind them in one transaction. What a file has
 * already is not read again. Facts are written as they come and not held for the transaction's end: what lives for a thousand
 * records grows old in the heap, and the heap with it.
 */

import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { TopicPositions } from '../events/topic-reader.ts'
import type { RecordReader } from './replay-ports.ts'
import type { Fact, WorkFile } from './work-file.ts'

/** Records of one transaction: enough that its cost does not count, few enough to read again. */
const batchCount = 2_000

/** How far a reading is, in offsets. */
export interface ReadingProgress {
  done: number
  total: number
}

/** What is read, and into what. */
export interface CollectOptions {
  file: WorkFile
  reader: Pick<RecordReader, 'read'>
  from: TopicPositions
  until: TopicPositions
  signal: AbortSignal
  /** The facts of a record; they are written together with its offset. */
  factsOf(record: ReceivedRecord): Fact[] | Promise<Fact[]>
  onProgress(progress: ReadingProgress): void
}

/**
 * Reads everything between `from` and `until` that the file has not got yet.
 * @throws CANCELLED when the signal ends it: the file then has what was read so far
 * @throws WORK_FILE_UNUSABLE, TOPIC_MISSING, BROKER_UNAVAILABLE, and what `factsOf` throws
 */
export async function collectRecords(options: CollectOptions): Promise<void> {
  const { file, reader, until, signal, onProgress } = options
  const from = resumeFrom(options.from, file.positions())
  const total = distance(options.from, until)
  const positions = new Map([...from].map(([topic, partitions]) => [topic, new Map(partitions)]))
  let recordCount = 0
  const commit = (): void => {
    file.commit(positions)
    recordCount = 0
    onProgress({ done: distance(options.from, positions), total })
  }
  const take = (record: ReceivedRecord, found: readonly Fact[]): undefined => {
    if (recordCount === 0) file.begin()
    for (const fact of found) file.insert(fact)
    positions.get(record.topic)?.set(record.partition, record.offset + 1)
    recordCount += 1
    if (recordCount >= batchCount) commit()
  }
  const end = await reader
    .read({
      topics: [...until.keys()],
      from,
      until,
      signal,
      onRecord: (record) => {
        const found = options.factsOf(record)
        return found instanceof Promise ? found.then((awaited) => take(record, awaited)) : take(record, found)
      },
    })
    .catch((error: unknown) => {
      if (recordCount > 0) file.rollback()
      throw error
    })
  if (end === 'end-reached') {
    // The tail may be markers and aborted records, which nobody hands over: they count as read too.
    for (const [topic, partitions] of until) positions.set(topic, new Map(partitions))
  }
  if (recordCount === 0) file.begin()
  commit()
  if (end !== 'end-reached') throw new ModelServiceError('CANCELLED', 'The replay was stopped before its end.')
}

/** Where to begin: where the file ends, or at the beginning of the range. */
function resumeFrom(from: TopicPositions, known: TopicPositions): TopicPositions {
  return new Map(
    [...from].map(([topic, partitions]) => [
      topic,
      new Map([...partitions].map(([partition, offset]) => [partition, known.get(topic)?.get(partition) ?? offset])),
    ]),
  )
}

function distance(from: TopicPositions, to: TopicPositions): number {
  let sum = 0
  for (const [topic, partitions] of to) {
    for (const [partition, end] of partitions) sum += Math.max(end - (from.get(topic)?.get(partition) ?? 0), 0)
  }
  return sum
}
