import { InvalidArgumentError, Option } from 'commander'
import { integerOption } from '../../command-options.ts'
import type { ExitCode } from '../../exit-codes.ts'
import type { Terminal } from '../../terminal.ts'
import { UsageError } from '../../usage-error.ts'
import { type CallingOptions, callingOptions } from '../calling-options.ts'
import type { ReplayMode, ReplayOptions } from '../replay-mode.ts'

/** Options of `--mode rerun`. */
export interface RerunOptions extends ReplayOptions, CallingOptions {
  model?: string
  route?: string
  shadowTopic?: string
  createTopic?: boolean
  runId?: string
  limit?: number
  maxCost?: string
  concurrency: number
  csv?: string
  html?: string
}

/** `--mode rerun`: calls old requests again, for another model or route. */
export const rerunMode: ReplayMode = {
  summary: 'call old requests again for another model or route, results to a shadow topic, and compare both',
  examples: [
    [
      'what would it cost? Calls nobody',
      'replay --mode rerun --model gpt-4o-mini --shadow-topic shadow --limit 100 --dry-run',
    ],
    [
      'call a hundred requests again, for at most two dollars',
      'replay --mode rerun --model gpt-4o-mini --shadow-topic shadow --create-topic --limit 100 --max-cost 2 --yes',
    ],
  ],
  options: [
    new Option('--model <id>', 'model to call'),
    new Option('--route <id>', 'route to call, instead of a model'),
    new Option('--shadow-topic <name>', 'topic for the results, by its full name; none that the service uses'),
    new Option('--create-topic', 'create the shadow topic when it is missing'),
    new Option('--run-id <id>', 'name of the run: the same one goes on, another one calls anew (default: the target)'),
    integerOption('--limit <n>', 'only so many requests, the oldest', 1),
    new Option('--max-cost <usd>', 'begin no call beyond this cost of the whole run').argParser(parseAmount),
    integerOption('--concurrency <n>', 'calls at the same time', 1, 1_000).default(4),
    new Option('--csv <file>', 'write the comparison of every request to this file'),
    new Option('--html <file>', 'write the report as one page, too'),
    ...callingOptions(),
  ],
  run: async (options: RerunOptions, terminal: Terminal): Promise<ExitCode> => {
    // Everything heavy is loaded by who needs it.
    const { runRerun } = await import('./run-rerun.ts')
    return await runRerun(options, terminal)
  },
}

/** Decimal text, kept as it is: a sum of money is no binary fraction. */
function parseAmount(text: string): string {
  if (!/^\d{1,12}(\.\d{1,12})?$/.test(text)) throw new InvalidArgumentError('Expected an amount such as 2 or 0.50.')
  return text
}

/** What the options ask to call. @throws UsageError unless exactly one of --model and --route is given */
export function rerunTargetOf({ model, route }: RerunOptions): { kind: 'model' | 'route'; name: string } {
  if (model !== undefined && route === undefined) return { kind: 'model', name: model }
  if (route !== undefined && model === undefined) return { kind: 'route', name: route }
  throw new UsageError('--mode rerun needs one of --model and --route: it says what to call.')
}
