import { topicBounds, topicOffsetsAt } from '../../events/topic-reader.ts'
import { withAdmin } from '../../events/with-admin.ts'
import { confirm } from '../confirm.ts'
import { counted } from '../counted.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../kafka-session.ts'
import { printJson, printLine, printTable, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { PurgeOptions } from './command.ts'
import { deadLetterKinds } from './dead-letter-list.ts'
import { deadLetterTopic, kindOfTopic } from './read-dead-letters.ts'

/** What of a partition goes: the records before `offset`. */
interface Purge {
  topic: string
  partition: number
  /** The first that is there now, and the first that stays. */
  first: number
  offset: number
}

/** Deletes dead letters. */
export async function purge(options: PurgeOptions, terminal: Terminal): Promise<ExitCode> {
  if ((options.before === undefined) === (options.offset === undefined)) {
    throw new UsageError('Expected --before or --offset: what is deleted is gone for good.')
  }
  return await withKafkaSession(terminal, async (session) => {
    const purges = await planPurge(session, options)
    if (options.json !== true) {
      printTable(
        terminal,
        ['topic', 'partition', 'records', 'before offset'],
        purges.map(({ topic, partition, first, offset }) => [
          topic,
          String(partition),
          String(offset - first),
          String(offset),
        ]),
      )
    }
    const count = purges.reduce((sum, { first, offset }) => sum + offset - first, 0)
    const question = `Up to ${counted(count, 'record')} will be deleted for good. Go on?`
    const isWanted = count > 0 && (await confirm(terminal, question, { yes: options.yes === true }))
    if (isWanted) await deleteRecords(session, purges)
    if (options.json === true) printJson(terminal, { purged: isWanted ? purges : [] })
    else if (isWanted) printLine(terminal, 'deleted')
    return count > 0 && !isWanted ? exitCodes.failed : exitCodes.ok
  })
}

/** @throws UsageError when the topic is none of dead letters, or the offset lies behind its end */
async function planPurge(
  session: KafkaSession,
  { before, offset: place, topic: kind }: PurgeOptions,
): Promise<Purge[]> {
  if (place !== undefined && kindOfTopic(session, place.topic) === undefined) {
    throw new UsageError(`${place.topic} is no dead letter topic; nothing else is ever purged.`)
  }
  const kinds = kind === undefined ? deadLetterKinds : [kind]
  const names = place === undefined ? kinds.map((each) => deadLetterTopic(session, each)) : [place.topic]
  const { first, next } = await topicBounds(session.kafka, names)
  const wanted =
    place === undefined
      ? await topicOffsetsAt(session.kafka, names, before ?? 0)
      : new Map([[place.topic, new Map([[place.partition, place.offset]])]])
  const end = place === undefined ? null : (next.get(place.topic)?.get(place.partition) ?? 0)
  if (place !== undefined && end !== null && place.offset > end) {
    throw new UsageError(
      `Partition ${place.partition} of ${place.topic} ends at ${end}: expected an offset up to that.`,
    )
  }
  return names.flatMap((topic) =>
    [...(wanted.get(topic) ?? [])]
      .map(([partition, offset]) => ({ topic, partition, first: first.get(topic)?.get(partition) ?? 0, offset }))
      .filter((purge) => purge.offset > purge.first),
  )
}

async function deleteRecords({ kafka }: KafkaSession, purges: readonly Purge[]): Promise<void> {
  await withAdmin(kafka, async (admin) => {
    for (const [topic, group] of Map.groupBy(purges, (purge) => purge.topic)) {
      // The library looks for the leaders of partitions only where it has been asked for the topic before.
      await admin.fetchTopicOffsets(topic)
      const partitions = group.map(({ partition, offset }) => ({ partition, offset: String(offset) }))
      await admin.deleteTopicRecords({ topic, partitions })
    }
  })
}
