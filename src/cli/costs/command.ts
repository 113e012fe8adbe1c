import { type Command, InvalidArgumentError, Option } from 'commander'
import { withCliDatabase } from '../cli-database.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { paint, printable, printJson, printNote, printTable, type Terminal } from '../terminal.ts'
import { requireOrder, timeOption } from '../time-option.ts'
import {
  type CostDimension,
  type CostGroup,
  type CostReport,
  costCsv,
  costDimensions,
  costReport,
} from './cost-report.ts'

interface CostsOptions extends CommonOptions {
  by: CostDimension[]
  from?: number
  to?: number
  tenant?: string
  csv?: boolean
}

const dimensions = Object.keys(costDimensions) as CostDimension[]

/** `costs`: adds up what requests cost. */
export function addCostsCommand(program: Command, run: RunAction): void {
  withCommonOptions(program.command('costs').description('add up what requests cost, exactly, from the request log'), [
    ['by model', 'costs'],
    ['of May, by tenant and day', 'costs --by tenant,day --from 2026-05-01 --to 2026-06-01'],
    ['for a spreadsheet', 'costs --by tenant,model --csv'],
  ])
    .addOption(
      new Option('--by <what>', `group by one or several of ${dimensions.join(', ')}`)
        .argParser(parseDimensions)
        .default(['model'], 'model'),
    )
    .addOption(timeOption('--from <time>', 'only requests that ended at this time or later'))
    .addOption(timeOption('--to <time>', 'only requests that ended before this time'))
    .option('--tenant <id>', 'only requests of this tenant')
    .addOption(new Option('--csv', 'print CSV, one line for each currency or reason').conflicts('json'))
    .addHelpText(
      'after',
      '\nA cost that is not known (no price, no usage, a lost answer) is counted with its reason and never taken for nothing;' +
        '\nNO_CALL are requests that ended without a call. Days are those of UTC. The log keeps REQUEST_LOG_RETENTION_DAYS.',
    )
    .action((options: CostsOptions) => run(options, (terminal) => costs(options, terminal)))
}

async function costs(options: CostsOptions, terminal: Terminal): Promise<ExitCode> {
  const { by, from, to, tenant } = options
  requireOrder(options)
  const { queryCosts } = await import('./cost-query.ts')
  const sums = await withCliDatabase(terminal, ({ pool }) =>
    queryCosts(pool, by, {
      ...(from === undefined ? {} : { fromMs: from }),
      ...(to === undefined ? {} : { toMs: to }),
      ...(tenant === undefined ? {} : { tenant }),
    }),
  )
  if (options.csv === true) {
    terminal.stdout.write(costCsv(by, sums))
    return exitCodes.ok
  }
  const report = costReport(sums)
  if (options.json === true) printJson(terminal, toJson(by, report))
  else print(terminal, by, report)
  return exitCodes.ok
}

function print(terminal: Terminal, by: readonly CostDimension[], { groups, total }: CostReport): void {
  const headings = [...by, 'requests', 'cost', 'currency', 'cost not known']
  const rows = groups.flatMap((group) => rowsOf(group, group.group.map(printable)))
  const totals = rowsOf(total, ['total', ...by.slice(1).map(() => '')]).map((row) =>
    row.map((cell) => paint(terminal, 'bold', cell)),
  )
  printTable(terminal, headings, groups.length === 0 ? [] : [...rows, ...totals])
  if (groups.length === 0) printNote(terminal, 'note: the request log has no requests of that time')
}

/** One row for each currency; the first has the number of requests and what is not known. */
function rowsOf({ requestCount, known, unknown }: CostGroup, names: readonly string[]): string[][] {
  const reasons = unknown.map((each) => `${each.requestCount} ${printable(each.reason)}`).join(', ')
  const amounts = known.length === 0 ? [{ amount: '', currency: '' }] : known
  return amounts.map(({ amount, currency }, index) =>
    index === 0
      ? [...names, String(requestCount), amount, printable(currency), reasons]
      : [...names, '', amount, printable(currency), ''],
  )
}

function toJson(by: readonly CostDimension[], { groups, total }: CostReport): object {
  const named = ({ group, ...rest }: CostGroup) => ({
    ...Object.fromEntries(by.map((dimension, index) => [dimension, group[index] ?? ''])),
    ...rest,
  })
  const { group: _, ...sum } = total
  return { by, groups: groups.map(named), total: sum }
}

function parseDimensions(text: string): CostDimension[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))]
  const found = names.map((name) => dimensions.find((dimension) => dimension === name))
  if (found.some((dimension) => dimension === undefined)) {
    throw new InvalidArgumentError(`Allowed choices are ${dimensions.join(', ')}, separated by commas.`)
  }
  return found.filter((dimension) => dimension !== undefined)
}
