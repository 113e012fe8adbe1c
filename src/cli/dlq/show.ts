import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { parseDeadLetter } from '../../events/dead-letter.ts'
import { topicBounds } from '../../events/topic-reader.ts'
import type { CommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type KafkaSession, withKafkaSession } from '../kafka-session.ts'
import { parsePlace, placeText } from '../place.ts'
import { paint, printable, printJson, printLine, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { type DeadLetter, deadLetterKinds } from './dead-letter-list.ts'
import { deadLetterTopic, kindOfTopic, letterOf, readAll } from './read-dead-letters.ts'

interface Shown {
  letter: DeadLetter
  headers: Record<string, string>
  key: string | null
  /** The decoded value; null when it cannot be decoded. */
  value: object | null
  /** Why it cannot be decoded, and how it begins. */
  undecoded: { message: string; hex: string } | null
}

/** Longest excerpt of bytes that cannot be decoded. */
const excerptBytes = 256

/** Shows one dead letter, or several of the same id. */
export async function show(
  which: string,
  options: CommonOptions & { tenant?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  const found = await withKafkaSession(terminal, (session) => find(session, which, options.tenant, terminal.signal))
  if (found.length === 0 && options.json !== true) {
    printLine(terminal, `no dead letter ${printable(which)}; searched: ${deadLetterKinds.join(' and ')}`)
    return exitCodes.failed
  }
  if (options.json === true) printJson(terminal, found)
  else for (const shown of found) print(terminal, shown)
  return found.length === 0 ? exitCodes.failed : exitCodes.ok
}

/** @throws UsageError when the place is in no dead letter topic */
async function find(
  session: KafkaSession,
  which: string,
  tenant: string | undefined,
  signal: AbortSignal,
): Promise<Shown[]> {
  const place = parsePlace(which)
  const topics = deadLetterKinds.map((kind) => deadLetterTopic(session, kind))
  if (place !== null && kindOfTopic(session, place.topic) === undefined) {
    throw new UsageError(`${place.topic} is no dead letter topic: expected ${topics.join(' or ')}.`)
  }
  const names = place === null ? topics : [place.topic]
  const { first, next } = await topicBounds(session.kafka, names)
  const found: Shown[] = []
  const add = async (record: ReceivedRecord): Promise<void> => {
    const letter = await letterOf(session, record)
    if (letter === null) return
    const isIt =
      place === null
        ? letter.ids?.requestId === which && (tenant === undefined || letter.ids.tenant === tenant)
        : placeText(letter) === placeText(place)
    if (isIt) found.push(await shownOf(session, letter, record))
  }
  if (place === null) {
    await readAll(session, { from: first, until: next }, signal, add)
    return found
  }
  const { topic, partition, offset } = place
  const end = next.get(topic)?.get(partition) ?? 0
  if (offset >= end || offset < (first.get(topic)?.get(partition) ?? 0)) return []
  const from = new Map([[topic, new Map(next.get(topic)).set(partition, offset)]])
  await readAll(session, { from, until: new Map([[topic, new Map([[partition, offset + 1]])]]) }, signal, add)
  return found
}

async function shownOf(session: KafkaSession, letter: DeadLetter, record: ReceivedRecord): Promise<Shown> {
  const { key = null, value = null, headers = {} } = parseDeadLetter(record) ?? {}
  const shown = { letter, headers, key: key === null ? null : key.toString() }
  if (letter.omittedBytes !== null) return { ...shown, value: null, undecoded: null }
  try {
    const name = letter.kind === 'requests' ? 'ModelRequest' : 'ModelCommand'
    return { ...shown, value: await session.decode(name, value), undecoded: null }
  } catch (error) {
    const isUnreadable =
      error instanceof ModelServiceError && (error.code === 'DECODE_FAILED' || error.code === 'SCHEMA_UNKNOWN')
    if (!isUnreadable) throw error
    const hex = value?.subarray(0, excerptBytes).toString('hex') ?? ''
    return { ...shown, value: null, undecoded: { message: error.message, hex } }
  }
}

function print(terminal: Terminal, { letter, headers, key, value, undecoded }: Shown): void {
  const fact = (name: string, text: string): void =>
    printLine(terminal, `${paint(terminal, 'bold', name)}: ${printable(text)}`)
  fact('dead letter', placeText(letter))
  fact('since', new Date(letter.timestamp).toISOString())
  fact('reason', `${letter.code}: ${letter.message}`)
  fact('record', placeText(letter.source))
  if (letter.replayedFrom !== null) fact('replayed from', letter.replayedFrom)
  fact('key', key ?? '(none)')
  for (const [name, text] of Object.entries(headers)) fact(`header ${printable(name)}`, text)
  if (letter.omittedBytes !== null) {
    fact('value', `${letter.omittedBytes} bytes, left out as they were too many; they lay at the place of the record`)
  } else if (undecoded === null) {
    printLine(terminal, `${paint(terminal, 'bold', 'value')}:`)
    printJson(terminal, value)
  } else {
    fact('value', `${letter.bytes} bytes that cannot be decoded: ${undecoded.message}`)
    for (const line of undecoded.hex.match(/.{1,64}/g) ?? [])
      printLine(terminal, `  ${line.replaceAll(/(..)(?=.)/g, '$1 ')}`)
    if (letter.bytes > excerptBytes) printLine(terminal, `  … ${letter.bytes - excerptBytes} more bytes`)
  }
  printLine(terminal)
}
