import type { Command } from 'commander'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'

interface MigrateOptions extends CommonOptions {
  status?: boolean
}

/** `migrate`: brings the database to the schema of this version. */
export function addMigrateCommand(program: Command, run: RunAction): void {
  withCommonOptions(program.command('migrate').description('bring the database to the schema of this version'), [
    ['apply what is missing; harmless when nothing is', 'migrate'],
    ['only look; exit code 1 unless the database is as it should be', 'migrate --status'],
  ])
    .option('--status', 'change nothing, show which migrations are applied and which are missing')
    .action((options: MigrateOptions) =>
      run(options, (terminal) => (options.status === true ? showStatus(options, terminal) : apply(options, terminal))),
    )
}

async function apply(options: MigrateOptions, terminal: Terminal): Promise<ExitCode> {
  const { database } = cliSettings(terminal, ['database'])
  const { migrate } = await import('../../registry/migrate.ts')
  const { applied } = await migrate({
    databaseUrl: database.url,
    log: (message) => printNote(terminal, message),
    signal: terminal.signal,
  })
  if (options.json === true) printJson(terminal, { applied })
  else for (const name of applied) printLine(terminal, `applied ${name}`)
  return exitCodes.ok
}

async function showStatus(options: MigrateOptions, terminal: Terminal): Promise<ExitCode> {
  const { database } = cliSettings(terminal, ['database'])
  const { migrationStatus } = await import('../../registry/migrate.ts')
  const status = await migrationStatus({ databaseUrl: database.url, signal: terminal.signal })
  const { applied, pending, unknown, failed, edited } = status
  if (options.json === true) {
    printJson(terminal, status)
  } else {
    const rows = Object.entries({ applied, pending, unknown, failed, edited }).flatMap(([state, names]) =>
      names.map((name) => [name, state]),
    )
    printTable(terminal, ['migration', 'state'], rows)
  }
  const isCurrent = [pending, unknown, failed, edited].every((names) => names.length === 0)
  return isCurrent ? exitCodes.ok : exitCodes.failed
}
