import type { Command } from 'commander'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { createLogger, secretsOf } from '../../observability/logger.ts'
import { cliEnvironment, cliSettings } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { packageVersion, type RunAction } from '../program.ts'
import type { Terminal } from '../terminal.ts'

/** `worker`: serves requests and commands until it is asked to stop. */
export function addWorkerCommand(program: Command, run: RunAction): void {
  withCommonOptions(program.command('worker').description('serve requests and commands until SIGTERM or Ctrl-C'), [
    ['with the settings of the environment', 'worker'],
    ['against a local stack in this folder', 'stack up && model-service migrate && model-service worker'],
  ])
    .addHelpText(
      'after',
      '\nLogs are JSON lines on standard output. The first SIGTERM or Ctrl-C drains: running calls may finish for' +
        '\nDRAIN_TIMEOUT_MS. A second one ends the process at once.',
    )
    .action((options: CommonOptions) => run(options, (terminal) => work(terminal)))
}

async function work(terminal: Terminal): Promise<ExitCode> {
  const settings = cliSettings(terminal)
  const { database, kafka, schemaRegistry, observability } = settings
  const databasePassword = decodeURIComponent(new URL(database.url).password)
  const configured = [database.url, databasePassword, kafka.saslPassword, schemaRegistry.password]
  const env = cliEnvironment(terminal)
  const version = packageVersion()
  const log = createLogger({
    level: observability.logLevel,
    secrets: [...secretsOf(env), ...configured.filter((secret) => secret !== null)],
    base: { version },
  })
  const { startWorker } = await import('../../app.ts')
  try {
    const worker = await startWorker(settings, { env, log, version, signal: terminal.signal })
    await worker.stopped.finally(endWithoutLeftovers)
  } catch (error) {
    // Asked to stop before it served: that is no failure.
    const isAsked = terminal.signal.aborted && error instanceof ModelServiceError && error.code === 'CANCELLED'
    if (!isAsked) throw error
  }
  return exitCodes.ok
}

/** After so long an ended worker does not wait any more for what a library has left open, in ms. */
const leftoverMs = 1_000

/**
 * After an outage of the broker kafkajs leaves a connection of each consumer open, which would keep the process up until the
 * broker closes it, ten minutes later. The timer itself keeps nothing up.
 */
function endWithoutLeftovers(): void {
  setTimeout(() => process.exit(), leftoverMs).unref()
}
