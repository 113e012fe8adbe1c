/**
 * Sends dead letters again. Each goes once, whoever runs this how often, and also if it is killed in the middle:
 *
 * 1. a producer under one transactional id ends the transaction of an earlier run and shuts it out;
 * 2. the notes of earlier replays are read, up to the end as of then;
 * 3. each batch is one transaction: the records, and for each a note in the dead letter topic.
 *
 * A run that is shut out by a later one fails at its next commit, and nothing of that batch is seen by anybody.
 */
import type { Kafka, Message, Producer } from 'kafkajs'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { brokerError } from '../../events/broker-error.ts'
import { type ParsedDeadLetter, parseDeadLetter } from '../../events/dead-letter.ts'
import { keyPartitioner } from '../../events/key-partitioner.ts'
import { type TopicPositions, topicBounds } from '../../events/topic-reader.ts'
import { cliSettings } from '../cli-settings.ts'
import { confirm } from '../confirm.ts'
import { counted } from '../counted.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../kafka-session.ts'
import { type Place, placeText } from '../place.ts'
import { printable, printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { filterOf, type ReplayOptions } from './command.ts'
import {
  type DeadLetter,
  deadLetterKinds,
  replayedRecord,
  replayNoteHeaders,
  type SkipReason,
  skipReasonOf,
  skipReasons,
} from './dead-letter-list.ts'
import { nameOf, readAll, readDeadLetters } from './read-dead-letters.ts'

interface Planned {
  letter: DeadLetter
  /** Why it is not sent; null when it is. */
  skipped: SkipReason | null
}

/** Records and bytes of one transaction. */
const batchLimits = { count: 200, bytes: 4 * 1024 * 1024 }

/** Sends dead letters to the topics that they came from. */
export async function replay(places: readonly Place[], options: ReplayOptions, terminal: Terminal): Promise<ExitCode> {
  const filter = filterOf(options)
  const isChosen = places.length > 0 || options.topic !== undefined || Object.keys(filter).length > 0
  if (isChosen === (options.all === true)) {
    throw new UsageError('Expected the places of dead letters, filters, or --all, and --all only alone.')
  }
  const { kafka: settings } = cliSettings(terminal, ['kafka'])
  return await withKafkaSession(terminal, async (session) => {
    // Looking alone must not shut out who is at it.
    const open = () => openReplayProducer(session.kafka, `${settings.groupId}-dlq-replay`)
    const producer = options.dryRun === true ? null : await open()
    try {
      const plan = await planReplay(session, places, options, terminal.signal)
      const due = plan.filter(({ skipped }) => skipped === null).map(({ letter }) => letter)
      if (options.json !== true) printPlan(terminal, plan)
      const question = `${counted(due.length, 'record')} will be sent again to ${[...new Set(due.map(({ source }) => source.topic))].join(', ')}. Go on?`
      const isAsked = producer !== null && due.length > 0
      const isWanted = isAsked && (await confirm(terminal, question, { yes: options.yes === true }))
      const sent = isWanted ? await sendAgain(session, producer, due, terminal) : []
      if (options.json === true) printJson(terminal, toJson(plan, sent))
      else if (isWanted) printLine(terminal, `${counted(sent.length, 'record')} sent`)
      // Not wanted, or deleted by retention meanwhile.
      return isAsked && sent.length < due.length ? exitCodes.failed : exitCodes.ok
    } finally {
      await producer?.disconnect().catch(() => {})
    }
  })
}

async function planReplay(
  session: KafkaSession,
  places: readonly Place[],
  options: ReplayOptions,
  signal: AbortSignal,
): Promise<Planned[]> {
  const kinds = options.topic === undefined ? deadLetterKinds : [options.topic]
  const found = await readDeadLetters(session, { kinds, filter: filterOf(options), maxCount: options.maxCount, signal })
  const asked = new Set(places.map(placeText))
  const letters = asked.size === 0 ? found.letters : found.letters.filter((letter) => asked.has(placeText(letter)))
  const missing = [...asked].filter((place) => !letters.some((letter) => placeText(letter) === place))
  if (missing.length > 0) {
    throw new UsageError(`No such dead letter, or the filters leave it out: ${missing.join(', ')}. See "dlq list".`)
  }
  const rules = {
    replayed: new Set(found.replays.keys()),
    sources: new Set([...session.requestTopics.map(({ name }) => name), session.topic('commands')]),
  }
  return letters.map((letter) => ({ letter, skipped: skipReasonOf(letter, rules) }))
}

/** Connects, and ends what an earlier run left open. @throws BROKER_UNAVAILABLE */
async function openReplayProducer(kafka: Kafka, transactionalId: string): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: true,
    transactionalId,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: keyPartitioner,
    retry: { initialRetryTime: 50, retries: 20, maxRetryTime: 1_000 },
  })
  try {
    await producer.connect()
    await (await producer.transaction()).abort()
    return producer
  } catch (error) {
    await producer.disconnect().catch(() => {})
    throw brokerError(error)
  }
}

/** Reads the letters again, now with their bytes, and sends them. Gives those that were sent. */
async function sendAgain(
  session: KafkaSession,
  producer: Producer,
  due: readonly DeadLetter[],
  terminal: Terminal,
): Promise<DeadLetter[]> {
  const wanted = new Map(due.map((letter) => [placeText(letter), letter]))
  const names = [...new Set(due.map(({ topic }) => topic))]
  const { next: ends } = await topicBounds(session.kafka, names)
  const sources = await topicBounds(session.kafka, [...new Set(due.map(({ source }) => source.topic))])
  const sent: DeadLetter[] = []
  let batch: Sending[] = []
  let bytes = 0
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    await sendBatch(producer, batch, terminal.env['USER'] ?? 'unknown')
    sent.push(...batch.map(({ letter }) => letter))
    batch = []
    bytes = 0
  }
  await readAll(session, spanOf(due, ends), terminal.signal, async (record) => {
    const letter = wanted.get(placeText(record))
    const parsed = letter === undefined ? null : parseDeadLetter(record)
    if (letter === undefined || parsed === null) return
    const size = parsed.value?.length ?? 0
    if (batch.length >= batchLimits.count || bytes + size > batchLimits.bytes) await flush()
    bytes += size
    batch.push({ letter, parsed, record, hasPartition: sources.next.get(parsed.topic)?.has(parsed.partition) === true })
  })
  await flush()
  return sent
}

interface Sending {
  letter: DeadLetter
  parsed: ParsedDeadLetter
  record: ReceivedRecord
  /** Whether the partition that the record lay in is still there: it goes back to it. */
  hasPartition: boolean
}

/** One transaction. @throws BROKER_UNAVAILABLE: run again; what was sent is skipped then */
async function sendBatch(producer: Producer, batch: readonly Sending[], by: string): Promise<void> {
  const byTopic = new Map<string, Message[]>()
  const add = (topic: string, message: Message): void => {
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), message])
  }
  for (const { letter, parsed, record, hasPartition } of batch) {
    add(parsed.topic, { ...replayedRecord(letter, parsed), ...(hasPartition ? { partition: parsed.partition } : {}) })
    const headers = { [replayNoteHeaders.of]: placeText(letter), [replayNoteHeaders.by]: by }
    add(letter.topic, { key: record.key, value: null, partition: letter.partition, headers })
  }
  try {
    const transaction = await producer.transaction()
    await transaction.sendBatch({
      acks: -1,
      topicMessages: [...byTopic].map(([topic, messages]) => ({ topic, messages })),
    })
    await transaction.commit()
  } catch (error) {
    throw brokerError(error)
  }
}

/** From the first to the last of the letters in each partition; partitions without one have nothing to read. */
function spanOf(letters: readonly DeadLetter[], ends: TopicPositions): { from: TopicPositions; until: TopicPositions } {
  const from = new Map([...ends].map(([topic, partitions]) => [topic, new Map(partitions)]))
  const until = new Map([...ends].map(([topic]) => [topic, new Map<number, number>()]))
  for (const { topic, partition, offset } of letters) {
    const begin = from.get(topic)?.get(partition) ?? offset
    from.get(topic)?.set(partition, Math.min(begin, offset))
    const end = until.get(topic)?.get(partition) ?? 0
    until.get(topic)?.set(partition, Math.max(end, offset + 1))
  }
  return { from, until }
}

function printPlan(terminal: Terminal, plan: readonly Planned[]): void {
  printTable(
    terminal,
    ['dead letter', 'whose', 'reason', 'goes to', 'or why not'],
    plan.map(({ letter, skipped }) => [
      placeText(letter),
      letter.ids === null ? '' : nameOf(letter),
      printable(letter.code),
      skipped === null ? `${letter.source.topic}/${letter.source.partition}` : '',
      skipped === null ? '' : skipReasons[skipped],
    ]),
  )
  if (plan.every(({ skipped }) => skipped !== null)) printNote(terminal, 'note: there is nothing to send')
}

function toJson(plan: readonly Planned[], sent: readonly DeadLetter[]): object {
  const places = new Set(sent.map(placeText))
  return {
    letters: plan.map(({ letter, skipped }) => ({
      ...letter,
      place: placeText(letter),
      skipped,
      sent: places.has(placeText(letter)),
    })),
    sentCount: sent.length,
  }
}
