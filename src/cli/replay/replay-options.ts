/** Options that several modes of `replay` have; one object each, so that the command has each once. */
import { Option } from 'commander'
import { integerOption } from '../command-options.ts'

/** Leaves the database out. */
export const noDatabaseOption = new Option(
  '--no-database',
  'look at the topics alone; the result says what that leaves open',
)

/** Keeps what was read. */
export const workFileOption = new Option(
  '--work-file <file>',
  'keep what was read there; a run that was killed goes on where it was',
)

/** How many findings are listed. */
export const examplesOption = integerOption('--examples <n>', 'list so many of each finding', 0, 10_000).default(20)
