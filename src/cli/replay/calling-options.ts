/** Options of the modes that do something: they ask first, and hold the requests of the range in memory. */
import { Option } from 'commander'
import { integerOption } from '../command-options.ts'

/** What {@link callingOptions} give. */
export interface CallingOptions {
  dryRun?: boolean
  yes?: boolean
  maxRequestsCount: number
}

/** New options; each mode has its own. */
export function callingOptions(): Option[] {
  return [
    new Option('--dry-run', 'show what would be done, and do nothing'),
    new Option('--yes', 'do not ask'),
    integerOption(
      '--max-requests-count <n>',
      'give up beyond so many requests; a million take about 800 MB',
      1,
    ).default(1_000_000),
  ]
}
