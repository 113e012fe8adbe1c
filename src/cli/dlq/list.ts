import { counted } from '../counted.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { withKafkaSession } from '../kafka-session.ts'
import { placeText } from '../place.ts'
import { printable, printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'
import { type FilterOptions, filterOf } from './command.ts'
import { countsByCode, deadLetterKinds } from './dead-letter-list.ts'
import { nameOf, readDeadLetters } from './read-dead-letters.ts'

/** Lists dead letters. */
export async function list(options: FilterOptions, terminal: Terminal): Promise<ExitCode> {
  const filter = filterOf(options)
  const { letters, replays, otherCount } = await withKafkaSession(terminal, (session) =>
    readDeadLetters(session, {
      kinds: options.topic === undefined ? deadLetterKinds : [options.topic],
      filter,
      maxCount: options.maxCount,
      signal: terminal.signal,
    }),
  )
  const rows = letters.map((letter) => ({ ...letter, replayed: replays.get(placeText(letter)) ?? null }))
  const byCode = countsByCode(letters)
  if (options.json === true) {
    printJson(terminal, { letters: rows, byCode, otherCount })
    return exitCodes.ok
  }
  printTable(
    terminal,
    ['time', 'dead letter', 'whose', 'reason', 'message', 'replayed'],
    rows.map((letter) => [
      new Date(letter.timestamp).toISOString(),
      placeText(letter),
      letter.ids === null ? '' : nameOf(letter),
      printable(letter.code),
      shortened(printable(letter.message)),
      letter.replayed === null ? '' : new Date(letter.replayed.at).toISOString(),
    ]),
  )
  if (letters.length > 0) {
    printLine(terminal)
    printTable(
      terminal,
      ['reason', 'count'],
      byCode.map(({ code, count }) => [printable(code), String(count)]),
    )
  }
  if (otherCount > 0)
    printNote(
      terminal,
      `note: ${counted(otherCount, 'record there is no dead letter', 'records there are no dead letters')} of this service`,
    )
  return exitCodes.ok
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
