import path from 'node:path'
import { type Command, Option } from 'commander'
import type { PartStatus } from '../../stack/stack.ts'
import type { StackAddresses } from '../../stack/stack-addresses.ts'
import { type StackBackend, stackBackends } from '../../stack/stack-options.ts'
import { stackVariables } from '../cli-settings.ts'
import { type CommonOptions, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { paint, printJson, printLine, printNote, printTable, type Terminal } from '../terminal.ts'

interface StackCommandOptions extends CommonOptions {
  dataDir?: string
  backend: StackBackend
  models: 'auto' | 'none'
  offline?: boolean
  env?: boolean
}

/** `stack up|down|status`: Kafka, a schema registry, PostgreSQL and models on this machine, for trying things out. */
export function addStackCommand(program: Command, run: RunAction): void {
  const stack = program.command('stack').description('a local Kafka, schema registry, PostgreSQL and models')
  const dataDir = (): Option => new Option('--data-dir <folder>', 'where it lives (default: .model-service/stack here)')

  withCommonOptions(stack.command('up').description('start it and leave it running'), [
    ['start, then use it from the same folder', 'stack up && model-service migrate'],
    ['write its addresses into a file for node --env-file', 'stack up --env > .env'],
    ['the servers as containers, no models', 'stack up --backend compose --models none'],
  ])
    .addOption(dataDir())
    .addOption(
      new Option('--backend <name>', 'processes of this machine, or containers')
        .choices(stackBackends)
        .default('embedded'),
    )
    .addOption(new Option('--models <which>', 'local models, or none').choices(['auto', 'none']).default('auto'))
    .option('--offline', 'download nothing')
    .option('--env', 'print the addresses as lines NAME=value; they hold a password')
    .action((options: StackCommandOptions) => run(options, (terminal) => up(options, terminal)))

  withCommonOptions(stack.command('down').description('end it and remove its data'), [['end it', 'stack down']])
    .addOption(dataDir())
    .action((options: StackCommandOptions) => run(options, (terminal) => down(options, terminal)))

  withCommonOptions(stack.command('status').description('show its parts; exit code 1 unless all of them answer'), [
    ['show parts, addresses and log files', 'stack status'],
    ['the addresses as lines NAME=value', 'stack status --env'],
  ])
    .addOption(dataDir())
    .option('--env', 'print the addresses as lines NAME=value; they hold a password')
    .action((options: StackCommandOptions) => run(options, (terminal) => status(options, terminal)))
}

async function up(options: StackCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { startStack } = await import('../../stack/stack.ts')
  const stack = await startStack({
    dataDirectory: directory(options, terminal),
    backend: options.backend,
    models: options.models,
    offline: options.offline === true,
    detached: true,
    signal: terminal.signal,
    onProgress: ({ part, message, fraction }) => {
      const share = fraction === undefined ? '' : ` (${Math.round(fraction * 100)} %)`
      printNote(terminal, `${paint(terminal, 'dim', part)} ${message}${share}`)
    },
  })
  print(terminal, options, stack.parts, stack.addresses)
  return exitCodes.ok
}

async function down(options: StackCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { stopStack } = await import('../../stack/stack.ts')
  const result = await stopStack(directory(options, terminal), ({ part, message }) =>
    printNote(terminal, `${paint(terminal, 'dim', part)} ${message}`),
  )
  if (options.json === true) printJson(terminal, result)
  else printLine(terminal, result.found ? `ended: ${result.ended.join(', ') || 'nothing was left'}` : 'no stack here')
  return exitCodes.ok
}

async function status(options: StackCommandOptions, terminal: Terminal): Promise<ExitCode> {
  const { stackAddresses, stackStatus } = await import('../../stack/stack.ts')
  const dataDirectory = directory(options, terminal)
  const parts = await stackStatus(dataDirectory)
  print(terminal, options, parts, stackAddresses(dataDirectory))
  return parts.length > 0 && parts.every((part) => part.state === 'running') ? exitCodes.ok : exitCodes.failed
}

function directory(options: StackCommandOptions, terminal: Terminal): string {
  return path.resolve(terminal.cwd, options.dataDir ?? path.join('.model-service', 'stack'))
}

function print(
  terminal: Terminal,
  options: StackCommandOptions,
  parts: readonly PartStatus[],
  addresses: StackAddresses | undefined,
): void {
  if (options.env === true) {
    for (const [name, value] of Object.entries(addresses === undefined ? {} : stackVariables(addresses))) {
      printLine(terminal, `${name}=${value}`)
    }
    return
  }
  if (options.json === true) {
    printJson(terminal, { parts, addresses: addresses ?? null })
    return
  }
  printTable(
    terminal,
    ['part', 'state', 'source', 'address', 'pid', 'log'],
    parts.map((part) => [part.name, part.state, part.source, part.address, String(part.pid ?? ''), part.log ?? '']),
  )
  const models = Object.entries(addresses?.models ?? {})
  if (models.length === 0) return
  printLine(terminal)
  printTable(
    terminal,
    ['requests', 'model', 'from', 'address'],
    models.map(([kind, endpoint]) => [kind, endpoint.model, endpoint.source, endpoint.baseUrl]),
  )
}
