import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  type CommandResult,
  type ModelCommandDraft,
  type ModelDefinition,
  type ModelStatus,
  modelStatusSymbols,
  type RequestType,
  requestTypeSymbols,
} from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import type { Registry, Stored } from '../../model-service/ports.ts'
import { cliSettings } from '../cli-settings.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { commandResultLine } from '../format-record.ts'
import type { RunAction } from '../program.ts'
import { paint, printable, printJson, printLine, printTable, type Terminal } from '../terminal.ts'
import { type ModelFlags, modelFromFlags } from './model-from-flags.ts'

interface ListOptions extends CommonOptions {
  provider?: string
  capability?: RequestType
  status?: ModelStatus
  search?: string
  page: number
  pageSize: number
}
interface CommandOptions extends CommonOptions {
  commandId?: string
  timeout: number
}
interface ChangeOptions extends CommandOptions, ModelFlags {
  file?: string
  expectedVersion?: number
}

const capabilities = requestTypeSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')
const statuses = modelStatusSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')

/** `models list|get|register|update|delete`: reads come from the database, changes are commands to the workers. */
export function addModelsCommand(program: Command, run: RunAction): void {
  const models = program.command('models').description('the registry of models')

  withCommonOptions(models.command('list').description('list models, read from the database'), [
    ['all of them', 'models list'],
    ['those that chat', 'models list --capability CHAT --status ACTIVE'],
  ])
    .option('--provider <id>', 'only of this provider')
    .addOption(new Option('--capability <type>', 'only those that serve this').choices(capabilities))
    .addOption(new Option('--status <status>', 'only those with this status').choices(statuses))
    .option('--search <text>', 'only those with this in id, name or description')
    .addOption(integerOption('--page <n>', 'which page', 1).default(1))
    .addOption(integerOption('--page-size <n>', 'models on a page', 1, 200).default(50))
    .action((options: ListOptions) => run(options, (terminal) => list(options, terminal)))

  withCommonOptions(models.command('get').argument('<id>').description('show one model, read from the database'), [
    ['everything known of it', 'models get my-model'],
  ]).action((id: string, options: CommonOptions) => run(options, (terminal) => get(id, options, terminal)))

  withChangeOptions(
    models.command('register').argument('[id]').description('add a model; refused when the id is taken'),
    [
      ['by flags', 'models register my-model --provider openai --provider-model gpt-4o-mini --capability CHAT'],
      ['by a file of a ModelDefinition', 'models register --file my-model.json'],
    ],
  ).action((id: string | undefined, options: ChangeOptions) =>
    run(options, (terminal) => {
      const { model } = modelFromFlags(id, resolveFile(options, terminal), flagsOf(options))
      return change({ type: 'RegisterModel', model }, options, terminal)
    }),
  )

  withChangeOptions(models.command('update').argument('[id]').description('replace the named fields of a model'), [
    ['set it inactive', 'models update my-model --status INACTIVE'],
    ['only if nobody changed it since version 7', 'models update my-model --file my-model.json --expected-version 7'],
  ])
    .addOption(integerOption('--expected-version <n>', 'refuse when its last change is another version', 0))
    .action((id: string | undefined, options: ChangeOptions) =>
      run(options, (terminal) => {
        const { model, fields } = modelFromFlags(id, resolveFile(options, terminal), flagsOf(options))
        const expectedVersion = options.expectedVersion ?? null
        return change({ type: 'UpdateModel', model, fields, expectedVersion }, options, terminal)
      }),
    )

  withCommandOptions(models.command('delete').argument('<id>').description('remove a model'), [
    ['remove it', 'models delete my-model'],
  ])
    .addOption(integerOption('--expected-version <n>', 'refuse when its last change is another version', 0))
    .action((id: string, options: ChangeOptions) =>
      run(options, (terminal) =>
        change({ type: 'DeleteModel', id, expectedVersion: options.expectedVersion ?? null }, options, terminal),
      ),
    )
}

type Examples = Parameters<typeof withCommonOptions>[1]

function withCommandOptions(command: Command, examples: Examples): Command {
  return withCommonOptions(command, examples)
    .option('--command-id <id>', 'id of the command; the same id is carried out once (default: a new UUID)')
    .addOption(integerOption('--timeout <ms>', 'how long to wait for the result', 1, 3_600_000).default(30_000))
}

function withChangeOptions(command: Command, examples: Examples): Command {
  const collect = (value: string, earlier: string[] | undefined): string[] => {
    if (!capabilities.some((known) => known === value)) {
      throw new InvalidArgumentError(`Allowed choices are ${capabilities.join(', ')}.`)
    }
    return [...(earlier ?? []), value]
  }
  return withCommandOptions(command, examples)
    .option('--file <path>', 'JSON file of a ModelDefinition; flags count over it')
    .option('--provider <id>', 'registered provider, or name of a preset')
    .option('--provider-model <name>', 'name at the provider (default: the id)')
    .addOption(
      new Option('--capability <type>', `what it serves; may be repeated (${capabilities.join(', ')})`).argParser(
        collect,
      ),
    )
    .option('--display-name <text>', 'name for people')
    .option('--description <text>', 'what it is good for')
    .addOption(new Option('--status <status>', 'whether it serves').choices(statuses))
    .addOption(integerOption('--context-window <tokens>', 'tokens of input and output together', 1))
    .addOption(integerOption('--max-output-tokens <tokens>', 'tokens of the output', 1))
}

async function list(options: ListOptions, terminal: Terminal): Promise<ExitCode> {
  const { page, pageSize, provider, capability, status, search } = options
  const found = await withRegistry(terminal, (registry) =>
    registry.listModels({
      page,
      pageSize,
      ...(provider === undefined ? {} : { provider }),
      ...(capability === undefined ? {} : { capability }),
      ...(status === undefined ? {} : { status }),
      ...(search === undefined ? {} : { search }),
    }),
  )
  if (options.json === true) {
    printJson(terminal, found)
    return exitCodes.ok
  }
  printTable(
    terminal,
    ['id', 'provider', 'provider model', 'capabilities', 'status', 'version'],
    found.models.map(({ definition, version }) => [
      printable(definition.id),
      printable(definition.provider),
      printable(definition.providerModel ?? ''),
      definition.capabilities.join(' '),
      definition.status,
      String(version),
    ]),
  )
  const pageCount = Math.max(1, Math.ceil(found.totalCount / found.pageSize))
  if (pageCount > 1) printLine(terminal, `page ${found.page} of ${pageCount}, ${found.totalCount} models`)
  return exitCodes.ok
}

async function get(id: string, options: CommonOptions, terminal: Terminal): Promise<ExitCode> {
  const stored = await withRegistry(terminal, (registry) => registry.find('MODEL', id))
  if (stored === null) throw new ModelServiceError('MODEL_NOT_FOUND', `No model ${JSON.stringify(id)} is registered.`)
  if (options.json === true) printJson(terminal, stored)
  else printModel(terminal, stored)
  return exitCodes.ok
}

function printModel(terminal: Terminal, { definition, version, createdAt, updatedAt }: Stored<ModelDefinition>): void {
  const facts = {
    ...definition,
    version,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  }
  for (const [name, value] of Object.entries(facts)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    printLine(terminal, `${paint(terminal, 'bold', name)}: ${printable(text)}`)
  }
}

async function change(
  command: ModelCommandDraft['command'],
  options: CommandOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { KafkaCommandBus } = await import('../kafka-command-bus.ts')
  const { withKafkaSession } = await import('../kafka-session.ts')
  const result = await withKafkaSession(terminal, (session) =>
    new KafkaCommandBus(session, { timeoutMs: options.timeout, signal: terminal.signal }).send({
      commandId: options.commandId ?? randomUUID(),
      actor: terminal.env['USER'] ?? null,
      issuedAt: Date.now(),
      command,
    }),
  )
  printResult(terminal, result, options)
  return result.status === 'REJECTED' ? exitCodes.failed : exitCodes.ok
}

function printResult(terminal: Terminal, result: CommandResult, options: CommonOptions): void {
  if (options.json === true) printJson(terminal, result)
  else printLine(terminal, commandResultLine(result))
}

/** @throws DATABASE_UNAVAILABLE, CONFIGURATION_INVALID */
async function withRegistry<T>(terminal: Terminal, read: (registry: Registry) => Promise<T>): Promise<T> {
  const { database: settings } = cliSettings(terminal, ['database'])
  const { openDatabase } = await import('../../registry/database.ts')
  const { PrismaRegistry } = await import('../../registry/prisma-registry.ts')
  const database = openDatabase({
    url: settings.url,
    maxConnectionCount: 2,
    connectTimeoutMs: settings.connectTimeoutMs,
    statementTimeoutMs: settings.statementTimeoutMs,
    applicationName: 'model-service cli',
  })
  try {
    // Nothing is changed here, so nothing is announced.
    const encoders = { encodeRegistryEvent: () => null, encodeCommandResult: () => null }
    return await read(new PrismaRegistry({ prisma: database.prisma, encoders }))
  } finally {
    await database.close()
  }
}

function resolveFile(options: ChangeOptions, terminal: Terminal): string | undefined {
  return options.file === undefined ? undefined : path.resolve(terminal.cwd, options.file)
}

function flagsOf(options: ChangeOptions): ModelFlags {
  const { provider, providerModel, displayName, description, capability, status, contextWindow, maxOutputTokens } =
    options
  const flags = {
    provider,
    providerModel,
    displayName,
    description,
    capability,
    status,
    contextWindow,
    maxOutputTokens,
  }
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}
