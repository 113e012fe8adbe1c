import { type Command, InvalidArgumentError, Option } from 'commander'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type Place, parsePlace } from '../place.ts'
import type { RunAction } from '../program.ts'
import { requireOrder, timeForms, timeOption } from '../time-option.ts'
import { UsageError } from '../usage-error.ts'
import { type DeadLetterFilter, type DeadLetterKind, deadLetterKinds } from './dead-letter-list.ts'

/** Options that choose dead letters. */
export interface FilterOptions extends CommonOptions {
  topic?: DeadLetterKind
  code?: string
  tenant?: string
  from?: number
  to?: number
  maxCount: number
}

/** Options of `dlq replay`. */
export interface ReplayOptions extends FilterOptions {
  all?: boolean
  dryRun?: boolean
  yes?: boolean
}

/** Options of `dlq purge`. */
export interface PurgeOptions extends CommonOptions {
  topic?: DeadLetterKind
  before?: number
  offset?: Place
  yes?: boolean
}

const placeForm = 'topic/partition/offset, as "dlq list" shows it'

/** `dlq list|show|replay|purge`: the dead letter topics of requests and commands. */
export function addDlqCommand(program: Command, run: RunAction): void {
  const dlq = program.command('dlq').description('records that could not be served: look, mend, send again')

  withFilters(
    withCommonOptions(dlq.command('list').description('list dead letters with their reasons, and count them by code'), [
      ['all of them', 'dlq list'],
      ['requests of yesterday that could not be decoded', 'dlq list --topic requests --code DECODE_FAILED --from 1d'],
    ]),
  ).action((options: FilterOptions) =>
    run(options, async (terminal) => (await import('./list.ts')).list(options, terminal)),
  )

  withCommonOptions(
    dlq
      .command('show')
      .argument('<which>', `${placeForm}; or the id of a request or command`)
      .description('show one dead letter: why, its headers, and its content'),
    [
      ['by its place', 'dlq show model.requests.dlt/3/17'],
      ['by the id of its request', 'dlq show 42 --tenant acme'],
    ],
  )
    .option('--tenant <id>', 'only of this tenant')
    .action((which: string, options: CommonOptions & { tenant?: string }) =>
      run(options, async (terminal) => (await import('./show.ts')).show(which, options, terminal)),
    )

  withFilters(
    withCommonOptions(
      dlq
        .command('replay')
        .argument('[places...]', placeForm)
        .description('send the original records again to the topics that they came from'),
      [
        ['look what would be sent', 'dlq replay --code SCHEMA_UNKNOWN --dry-run'],
        ['send one', 'dlq replay model.requests.dlt/3/17 --yes'],
      ],
    ),
  )
    .option('--all', 'without places and filters: all of them')
    .option('--dry-run', 'send nothing, show what would be sent')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nKey, value and headers are the original ones, with the header dlt-replayed-from. Each dead letter is sent once: in the' +
        '\nsame transaction a note goes to its topic, and a second replay skips it. A request that was finished in the meantime' +
        '\nis not called again, as the ledger knows it. One that has its terminal record (REJECTED) is skipped.',
    )
    .action((places: string[], options: ReplayOptions) =>
      run(options, async (terminal) => (await import('./replay.ts')).replay(readPlaces(places), options, terminal)),
    )

  withCommonOptions(
    dlq.command('purge').description('delete dead letters: all before a time, or of one partition before an offset'),
    [
      ['what is older than a week', 'dlq purge --before 7d'],
      ['of one partition', 'dlq purge --offset model.requests.dlt/3/17 --yes'],
    ],
  )
    .addOption(new Option('--topic <which>', 'only of requests, or of commands').choices(deadLetterKinds))
    .addOption(timeOption('--before <time>', `delete what became a dead letter before that: ${timeForms}`))
    .addOption(
      new Option(
        '--offset <place>',
        'delete the records of this partition before this offset, given as topic/partition/offset',
      )
        .argParser(placeArgument)
        .conflicts(['before', 'topic']),
    )
    .option('--yes', 'do not ask')
    .action((options: PurgeOptions) =>
      run(options, async (terminal) => (await import('./purge.ts')).purge(options, terminal)),
    )
}

/** The filter in the options. @throws UsageError when the times are the wrong way round */
export function filterOf({ code, tenant, from, to }: Partial<FilterOptions>): DeadLetterFilter {
  requireOrder({ from, to })
  return {
    ...(code === undefined ? {} : { code }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(from === undefined ? {} : { fromMs: from }),
    ...(to === undefined ? {} : { toMs: to }),
  }
}

function withFilters(command: Command): Command {
  return command
    .addOption(new Option('--topic <which>', 'only of requests, or of commands').choices(deadLetterKinds))
    .option('--code <code>', 'only with this reason (docs/errors.md)')
    .option('--tenant <id>', 'only of this tenant, where the request can be decoded')
    .addOption(timeOption('--from <time>', 'only what became a dead letter at this time or later'))
    .addOption(timeOption('--to <time>', 'only what became one before this time'))
    .addOption(integerOption('--max-count <n>', 'give up beyond so many', 1, 1_000_000).default(10_000))
}

function placeArgument(text: string): Place {
  const place = parsePlace(text)
  if (place === null) throw new InvalidArgumentError('Expected topic/partition/offset.')
  return place
}

/** @throws UsageError when one is no place */
function readPlaces(texts: readonly string[]): Place[] {
  return texts.map((text) => {
    const place = parsePlace(text)
    if (place === null) throw new UsageError(`${JSON.stringify(text)} is no place: expected ${placeForm}.`)
    return place
  })
}
