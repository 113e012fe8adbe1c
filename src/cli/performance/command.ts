import { type Command, InvalidArgumentError, Option } from 'commander'
import { type RequestType, requestTypeSymbols } from '../../contract/types.ts'
import {
  type PerformanceSources,
  rankModelsForTask,
  readAllPerformance,
  readModelPerformance,
  readPerformanceHistory,
} from '../../model-service/read-performance.ts'
import { isDay, type PeriodLength, periodLengths } from '../../performance/days.ts'
import { type Ranking, rankings } from '../../performance/rank-models.ts'
import { defaultMinSamples } from '../../performance/summarize.ts'
import { withCliDatabase } from '../cli-database.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { printable, printJson, printNote, printTable, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { performanceCells, performanceHeadings } from './performance-cells.ts'

interface ReadOptions extends CommonOptions {
  taskType?: string
  from?: string
  to?: string
  minSamples: number
}
interface HistoryOptions extends ReadOptions {
  by: PeriodLength
}
interface BestOptions extends Omit<ReadOptions, 'taskType'> {
  by: Ranking
  minQuality: number
  minSuccessRate: number
  among?: string[]
  capability?: RequestType
  currency: string
}

const capabilities = requestTypeSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')

/** `performance show|best|history`: how well models do, read from the database. */
export function addPerformanceCommand(program: Command, run: RunAction): void {
  const group = program.command('performance').description('how well models do: success, time, cost, quality')

  withReadOptions(
    group.command('show').argument('[model]', 'all models when left out').description('requests, averages and quality'),
    [
      ['all models', 'performance show'],
      ['one model at one kind of task this month', 'performance show my-model --task-type summary --from 2026-11-01'],
    ],
  ).action((model: string | undefined, options: ReadOptions) =>
    run(options, (terminal) => show(model, options, terminal)),
  )

  withReadOptions(group.command('history').argument('<model>').description('the same by day, week or month'), [
    ['by day', 'performance history my-model'],
    ['by week, in JSON', 'performance history my-model --by week --json'],
  ])
    .addOption(new Option('--by <period>', 'ISO weeks begin on Monday').choices(periodLengths).default('day'))
    .action((model: string, options: HistoryOptions) => run(options, (terminal) => history(model, options, terminal)))

  withSampleOptions(
    group.command('best').argument('<task-type>').description('the models that are good enough for a task, best first'),
    [
      ['by quality', 'performance best summary'],
      [
        'the cheapest of those that do well',
        'performance best summary --by cost --min-quality 0.8 --min-success-rate 0.95',
      ],
    ],
  )
    .addOption(new Option('--by <what>', 'what makes a model the better one').choices(rankings).default('quality'))
    .addOption(shareOption('--min-quality <share>', 'least quality').default(0))
    .addOption(shareOption('--min-success-rate <share>', 'least success rate').default(0))
    .option('--among <models...>', 'only these')
    .addOption(new Option('--capability <type>', 'only models registered with it').choices(capabilities))
    .option('--currency <code>', 'compare costs in this currency', 'USD')
    .action((taskType: string, options: BestOptions) => run(options, (terminal) => best(taskType, options, terminal)))
}

type Examples = Parameters<typeof withCommonOptions>[1]

function withReadOptions(command: Command, examples: Examples): Command {
  return withSampleOptions(command, examples).option('--task-type <name>', 'only requests of this task type')
}

function withSampleOptions(command: Command, examples: Examples): Command {
  return withCommonOptions(command, examples)
    .addOption(dayOption('--from <day>', 'first day (UTC), as 2026-11-24'))
    .addOption(dayOption('--to <day>', 'last day (UTC), included'))
    .addOption(integerOption('--min-samples <n>', 'fewer requests give no average', 0).default(defaultMinSamples))
}

function dayOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    if (!isDay(text)) throw new InvalidArgumentError('Expected a day as 2026-11-24.')
    return text
  })
}

function shareOption(flags: string, description: string): Option {
  return new Option(flags, `${description}, 0 to 1`).argParser((text: string) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= 0 && value <= 1))
      throw new InvalidArgumentError('Expected a number from 0 to 1.')
    return value
  })
}

/** What is asked for; what is left out must not stand as undefined. @throws UsageError */
function queryOf<T extends { from?: string; to?: string; minSamples: number }>(
  options: T,
  names: readonly (keyof T)[],
): Partial<T> & { minSamples: number } {
  const { from, to, minSamples } = options
  if (from !== undefined && to !== undefined && from > to) {
    throw new UsageError(`--from ${from} is later than --to ${to}: expected the earlier day first.`)
  }
  const given = Object.fromEntries(
    names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined),
  )
  return { ...(given as Partial<T>), minSamples }
}

async function show(model: string | undefined, options: ReadOptions, terminal: Terminal): Promise<ExitCode> {
  const { minSamples } = options
  const query = queryOf(options, ['taskType', 'from', 'to'])
  const models = await withSources(terminal, async ({ store }) =>
    model === undefined ? readAllPerformance(store, query) : [await readModelPerformance(store, model, query)],
  )
  if (options.json === true) {
    printJson(terminal, model === undefined ? models : models[0])
    return exitCodes.ok
  }
  printTable(
    terminal,
    ['model', ...performanceHeadings],
    models.map((each) => [printable(each.model), ...performanceCells(each)]),
  )
  if (models.some(({ isEnough }) => !isEnough)) printNote(terminal, tooFew(minSamples))
  return exitCodes.ok
}

async function history(model: string, options: HistoryOptions, terminal: Terminal): Promise<ExitCode> {
  const { minSamples, by } = options
  const query = queryOf(options, ['by', 'taskType', 'from', 'to'])
  const periods = await withSources(terminal, ({ store }) => readPerformanceHistory(store, model, query))
  if (options.json === true) {
    printJson(terminal, periods)
    return exitCodes.ok
  }
  printTable(
    terminal,
    [by, ...performanceHeadings],
    periods.map((each) => [each.period, ...performanceCells(each)]),
  )
  if (periods.some(({ isEnough }) => !isEnough)) printNote(terminal, tooFew(minSamples))
  return exitCodes.ok
}

async function best(taskType: string, options: BestOptions, terminal: Terminal): Promise<ExitCode> {
  const { minSamples } = options
  const rules = queryOf(options, [
    ...(['by', 'minQuality', 'minSuccessRate', 'among', 'capability', 'currency', 'from', 'to'] as const),
  ])
  const ranked = await withSources(terminal, (sources) => rankModelsForTask(sources, taskType, rules))
  if (options.json === true) {
    printJson(terminal, ranked)
  } else {
    printTable(
      terminal,
      ['', 'model', ...performanceHeadings],
      ranked.map((each, place) => [String(place + 1), printable(each.model), ...performanceCells(each)]),
    )
  }
  if (ranked.length > 0) return exitCodes.ok
  printNote(terminal, `No model has ${minSamples} requests of this task type and is good enough.`)
  return exitCodes.failed
}

function tooFew(minSamples: number): string {
  return `– means fewer than ${minSamples} requests: too few for an average.`
}

async function withSources<T>(terminal: Terminal, read: (sources: PerformanceSources) => Promise<T>): Promise<T> {
  return await withCliDatabase(terminal, async ({ pool, prisma }) => {
    const { PostgresPerformance } = await import('../../registry/postgres-performance.ts')
    const { PrismaRegistry } = await import('../../registry/prisma-registry.ts')
    // Nothing is changed here, so nothing is announced.
    const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
    const registry = await new PrismaRegistry({ prisma, encoders }).snapshot()
    return await read({ store: new PostgresPerformance({ pool, encodeFeedback: () => null }), registry })
  })
}
