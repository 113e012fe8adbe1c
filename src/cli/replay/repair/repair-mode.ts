import { integerOption } from '../../command-options.ts'
import type { ExitCode } from '../../exit-codes.ts'
import type { Terminal } from '../../terminal.ts'
import { type CallingOptions, callingOptions } from '../calling-options.ts'
import type { ReplayMode, ReplayOptions } from '../replay-mode.ts'

/** Options of `--mode repair`. */
export interface RepairOptions extends ReplayOptions, CallingOptions {
  /** In ms. */
  timeout: number
}

/** `--mode repair`: sends again what nobody serves. */
export const repairMode: ReplayMode = {
  summary: 'send again what has no terminal record and is in nobody’s hands; the ledger pays nothing twice',
  examples: [
    ['which requests were lost? Sends nothing', 'replay --mode repair --dry-run'],
    ['send the lost ones of a day again, without being asked', 'replay --mode repair --from 2026-05-31 --yes'],
  ],
  options: [
    ...callingOptions(),
    integerOption('--timeout <ms>', 'how long to wait for the terminal records', 1, 86_400_000).default(600_000),
  ],
  run: async (options: RepairOptions, terminal: Terminal): Promise<ExitCode> => {
    const { runRepair } = await import('./run-repair.ts')
    return await runRepair(options, terminal)
  },
}
