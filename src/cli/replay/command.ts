import { type Command, InvalidArgumentError, Option } from 'commander'
import { withCommonOptions } from '../command-options.ts'
import type { RunAction } from '../program.ts'
import { UsageError } from '../usage-error.ts'
import { auditMode } from './audit/audit-mode.ts'
import { repairMode } from './repair/repair-mode.ts'
import type { ReplayMode, ReplayOptions } from './replay-mode.ts'
import { parseRangeBound, type RangeBound, rangeBoundForms } from './replay-range.ts'
import { repriceMode } from './reprice/reprice-mode.ts'
import { rerunMode } from './rerun/rerun-mode.ts'

/** What `replay` can do, by the word that the user says. */
export const replayModes: Readonly<Record<string, ReplayMode>> = {
  audit: auditMode,
  reprice: repriceMode,
  rerun: rerunMode,
  repair: repairMode,
}

/** `replay`: reads topics again, for what the mode says. */
export function addReplayCommand(program: Command, run: RunAction): void {
  const modes = Object.entries(replayModes)
  const command = withCommonOptions(
    program
      .command('replay')
      .description('read the topics again: to account for every request, and for what a mode says'),
    modes.flatMap(([, { examples }]) => examples),
  )
    .addOption(new Option('--mode <mode>', 'what to do').choices(Object.keys(replayModes)).makeOptionMandatory())
    .option('--topic <name...>', 'topics to read (default: all that workers read requests from)')
    .addOption(boundOption('--from <bound>', 'first record', { kind: 'beginning' }))
    .addOption(boundOption('--to <bound>', 'record to stop before', { kind: 'end' }))
    .addOption(new Option('--partitions <list>', 'only these partitions, for example 0,2').argParser(parsePartitions))
  for (const option of distinctOptions()) command.addOption(option)
  const width = Math.max(...modes.map(([name]) => name.length))
  command
    .addHelpText(
      'after',
      `\nModes:\n${modes.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}`,
    )
    .addHelpText('after', `\nA bound is ${rangeBoundForms}. Only committed records are read.`)
    .action((options: ReplayOptions) =>
      run(options, (terminal) => {
        const mode = replayModes[options.mode]
        if (mode === undefined) throw new UsageError(`There is no mode ${options.mode}.`)
        refuseForeignOptions(command, options.mode, mode)
        return mode.run(options, terminal)
      }),
    )
}

function boundOption(
  flags: string,
  description: string,
  byDefault: RangeBound & { kind: 'beginning' | 'end' },
): Option {
  return new Option(flags, description).default(byDefault, byDefault.kind).argParser((text: string) => {
    const bound = parseRangeBound(text)
    if (bound === null) throw new InvalidArgumentError(`Expected ${rangeBoundForms}.`)
    return bound
  })
}

function parsePartitions(text: string): number[] {
  if (!/^\d{1,6}(,\d{1,6})*$/.test(text)) throw new InvalidArgumentError('Expected partition numbers such as 0,2.')
  return [...new Set(text.split(',').map(Number))]
}

/** The options of all modes, each once: what two modes share stands in both. */
function distinctOptions(): Option[] {
  const options = Object.values(replayModes).flatMap((mode) => mode.options)
  return [...new Map(options.map((option) => [option.attributeName(), option])).values()]
}

/** An option of another mode would be ignored, and the user would not know. */
function refuseForeignOptions(command: Command, name: string, { options }: ReplayMode): void {
  const own = new Set(options.map((option) => option.attributeName()))
  const foreign = distinctOptions().filter(
    (option) => !own.has(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (foreign.length > 0) {
    throw new UsageError(`${foreign.map(({ long }) => long).join(', ')} does not go with --mode ${name}.`)
  }
}
