import type { Command } from 'commander'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import type { RunAction } from '../program.ts'

/** Options of `top`. */
export interface TopOptions extends CommonOptions {
  once?: boolean
  for: number
  interval: number
  database: boolean
}

/** `top`: what the workers do now. */
export function addTopCommand(program: Command, run: RunAction): void {
  withCommonOptions(
    program
      .command('top')
      .description('a live view of throughput, latency, cost, lag and workers; q or Ctrl-C ends it'),
    [
      ['the live view', 'top'],
      ['look for ten seconds, print once, as JSON', 'top --once --for 10000 --json'],
      ['without access to the database', 'top --no-database'],
    ],
  )
    .option('--once', 'look for a while, print once, and end')
    .addOption(integerOption('--for <ms>', 'how long --once looks', 100, 600_000).default(5_000))
    .addOption(integerOption('--interval <ms>', 'time between two views', 200, 3_600_000).default(1_000))
    .option('--no-database', 'leave out what the database tells: the workers')
    .addHelpText(
      'after',
      '\nRates and latencies are of the events that came in the last minute, at most since the start. Where standard output is' +
        '\nno terminal, each view is printed below the one before; with --json one line each.',
    )
    .action((options: TopOptions) =>
      run(options, async (terminal) => {
        const { runTop } = await import('./run-top.ts')
        return await runTop(options, terminal)
      }),
    )
}
