import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import type { CommonOptions } from './command-options.ts'
import { addCompleteCommand } from './complete/command.ts'
import { addCostsCommand } from './costs/command.ts'
import { addDlqCommand } from './dlq/command.ts'
import { addDoctorCommand } from './doctor/command.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { addFeedbackCommand } from './feedback/command.ts'
import { addMigrateCommand } from './migrate/command.ts'
import { addModelsCommand } from './models/command.ts'
import { addPerformanceCommand } from './performance/command.ts'
import { addProvidersCommand } from './providers/command.ts'
import { addRegistryFileCommands } from './registry-files/command.ts'
import { addReplayCommand } from './replay/command.ts'
import { formatErrorReport, formatStack, reportError } from './report-error.ts'
import { addRequestsCommand } from './requests/command.ts'
import { addRoutesCommand } from './routes/command.ts'
import { addSchemasCommand } from './schemas/command.ts'
import { addSendCommand } from './send/command.ts'
import { addStackCommand } from './stack/command.ts'
import { addTailCommand } from './tail/command.ts'
import { paint, printNote, type Terminal } from './terminal.ts'
import { addTopCommand } from './top/command.ts'
import { addTopicsCommand } from './topics/command.ts'
import { addWorkerCommand } from './worker/command.ts'

/** What a command does: gets the terminal, gives the exit code. Errors may be thrown; they are reported in one place. */
export type CommandAction = (terminal: Terminal) => Promise<ExitCode>

/** Runs an action for the command in hand; given to each group by {@link runCli}. */
export type RunAction = (options: CommonOptions, action: CommandAction) => Promise<void>

const groups = [
  addWorkerCommand,
  addStackCommand,
  addMigrateCommand,
  addTopicsCommand,
  addSchemasCommand,
  addSendCommand,
  addTailCommand,
  addRequestsCommand,
  addModelsCommand,
  addProvidersCommand,
  addRoutesCommand,
  addRegistryFileCommands,
  addDlqCommand,
  addCostsCommand,
  addDoctorCommand,
  addPerformanceCommand,
  addFeedbackCommand,
  addReplayCommand,
  addTopCommand,
]

/** Runs a command line (without `node` and the script's name) and gives the exit code. Never rejects. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok
  const program = buildProgram(terminal, async (options, action) => {
    try {
      exitCode = await action(terminal)
    } catch (error) {
      exitCode = report(error, options, terminal)
    }
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    // Commander has printed its message by then; help and version are thrown too, with exit code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return report(error, {}, terminal)
  }
  return exitCode
}

/** All commands. Exported for the tests that look at every command's help. */
export function buildProgram(terminal: Terminal, run: RunAction): Command {
  const program = new Command('model-service')
  const settle = (command: Command): void => {
    command
      .exitOverride()
      .configureOutput({
        writeOut: (text) => terminal.stdout.write(text),
        writeErr: (text) => terminal.stderr.write(text),
        getOutHasColors: () => terminal.color,
        getErrHasColors: () => terminal.color,
      })
      .showHelpAfterError('(add --help for usage and examples)')
    for (const child of command.commands) settle(child)
  }
  program
    .description('Event-driven gateway to AI models: workers, their Kafka topics, their registry of models.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'show usage and examples')
    .addHelpText(
      'after',
      '\nSettings come from environment variables (docs/configuration.md); node --env-file reads a file of them.' +
        '\nExit codes: 0 done, 1 problems found or refused, 2 wrong command line or settings, 3 a dependency is away.',
    )
  for (const add of groups) add(program, run)
  settle(program)
  settle(addCompleteCommand(program))
  return program
}

/** The version in package.json; src/cli and dist/cli both lie two levels below it. */
export function packageVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const hasVersion = typeof content === 'object' && content !== null && 'version' in content
  return hasVersion ? String(content.version) : 'unknown'
}

function report(error: unknown, options: CommonOptions, terminal: Terminal): ExitCode {
  const found = reportError(error)
  if (options.json === true) {
    const { code, message, action } = found
    printNote(terminal, JSON.stringify({ error: { code, message, action } }))
  } else {
    printNote(terminal, `${paint(terminal, 'red', 'error')} ${formatErrorReport(found)}`)
  }
  if (options.verbose === true) printNote(terminal, formatStack(error))
  return found.exitCode
}
