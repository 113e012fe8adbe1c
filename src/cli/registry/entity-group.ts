import path from 'node:path'
import type { Command, Option } from 'commander'
import type {
  Registry,
  RegistryEntities,
  RegistryKind,
  RegistryMoment,
  Stored,
} from '../../model-service/ports/registry.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import type { RunAction } from '../program.ts'
import { printable, printJson, printLine, printTable, type Terminal } from '../terminal.ts'
import { asOfOption } from './as-of-option.ts'
import { entityCommands } from './entity-commands.ts'
import { printEntity, printHistory } from './print-entity.ts'
import { type CommandOptions, type Examples, sendCommand, withCommandOptions } from './send-command.ts'
import { withRegistry } from './with-registry.ts'

/** A flag of `register` and `update` that gives one field of the definition. */
export interface DefinitionFlag {
  field: string
  /** A new option; its parser gives the field's value. */
  option(): Option
}

/** What a list found. */
export interface EntityList<TKind extends RegistryKind> {
  entities: Stored<RegistryEntities[TKind]>[]
  /** The same for programs. */
  json: object
  /** A line below the table. */
  footer?: string
}

/** What makes the commands of one kind of registry entity different from those of another. */
export interface EntityGroup<TKind extends RegistryKind> {
  kind: TKind
  /** Name of the group of commands: the kind in the plural. */
  name: string
  description: string
  flags: readonly DefinitionFlag[]
  examples: Record<'list' | 'register' | 'update', Examples>
  /** Columns of the list, without id and version. */
  columns: readonly (readonly [heading: string, text: (definition: RegistryEntities[TKind]) => string])[]
  /** Adds the options of `list` beside `--as-of`. */
  addListOptions?(command: Command): void
  /** Reads the list; `options` are those of the command line. */
  list(registry: Registry, options: ListOptions): Promise<EntityList<TKind>>
}

/** Options of `list`; what {@link EntityGroup.addListOptions} adds is among them. */
export interface ListOptions extends CommonOptions {
  asOf?: RegistryMoment
  [name: string]: unknown
}
interface ChangeOptions extends CommandOptions {
  file?: string
  expectedVersion?: number
  [name: string]: unknown
}

/**
 * Adds `list|get|history|register|update|delete` of a kind: reads come from the database, changes are commands to the workers.
 * Gives the group, for commands of the kind's own.
 */
export function addEntityGroup<TKind extends RegistryKind>(
  program: Command,
  run: RunAction,
  group: EntityGroup<TKind>,
): Command {
  const { kind, name, examples } = group
  const noun = kind.toLowerCase()
  const command = program.command(name).description(group.description)

  const listCommand = withCommonOptions(
    command.command('list').description(`list ${name}, read from the database`),
    examples.list,
  ).addOption(asOfOption())
  group.addListOptions?.(listCommand)
  listCommand.action((options: ListOptions) => run(options, (terminal) => list(group, options, terminal)))

  withCommonOptions(command.command('get').argument('<id>').description(`show one ${noun}, read from the database`), [
    ['everything known of it', `${name} get my-${noun}`],
    ['as it was at version 17 of the registry', `${name} get my-${noun} --as-of 17`],
  ])
    .addOption(asOfOption())
    .action((id: string, options: ListOptions) =>
      run(options, async (terminal) => {
        const { missingEntity } = await import('../../model-service/missing-entity.ts')
        const stored = await withRegistry(terminal, (registry) => registry.find(kind, id, readOptions(options)))
        if (stored === null) throw missingEntity(kind, id, readOptions(options))
        if (options.json === true) printJson(terminal, stored)
        else printEntity(terminal, stored)
        return exitCodes.ok
      }),
    )

  withCommonOptions(
    command.command('history').argument('<id>').description(`show the changes of a ${noun}, the newest first`),
    [['who changed what, and when', `${name} history my-${noun}`]],
  )
    .addOption(integerOption('--max-count <n>', 'so many changes at most', 1, 1_000).default(20))
    .action((id: string, options: CommonOptions & { maxCount: number }) =>
      run(options, async (terminal) => {
        const { missingEntity } = await import('../../model-service/missing-entity.ts')
        const { maxCount } = options
        // The one before the oldest that is shown says what that one changed.
        const revisions = await withRegistry(terminal, (registry) => registry.history(kind, id, maxCount + 1))
        if (revisions.length === 0) throw missingEntity(kind, id)
        printHistory(terminal, revisions, { maxCount, json: options.json === true })
        return exitCodes.ok
      }),
    )

  const addFlags = (to: Command): Command => {
    to.option('--file <path>', `YAML or JSON file of the ${noun}; flags count over it`)
    for (const flag of group.flags) to.addOption(flag.option())
    return to
  }
  const parts = async (id: string | undefined, options: ChangeOptions, terminal: Terminal) => {
    const { definitionFromFlags } = await import('./definition-from-flags.ts')
    const file = options.file === undefined ? undefined : path.resolve(terminal.cwd, options.file)
    return definitionFromFlags(kind, { id, file, given: givenFields(group.flags, options) })
  }

  addFlags(
    withCommandOptions(
      command.command('register').argument('[id]').description(`add a ${noun}; refused when the id is taken`),
      examples.register,
    ),
  ).action((id: string | undefined, options: ChangeOptions) =>
    run(options, async (terminal) => {
      const { definition } = await parts(id, options, terminal)
      return sendCommand(entityCommands[kind].register(definition), options, terminal)
    }),
  )

  addFlags(
    withCommandOptions(
      command.command('update').argument('[id]').description(`replace the named fields of a ${noun}`),
      examples.update,
    ),
  )
    .addOption(expectedVersionOption())
    .action((id: string | undefined, options: ChangeOptions) =>
      run(options, async (terminal) => {
        const { definition, fields } = await parts(id, options, terminal)
        const body = entityCommands[kind].update(definition, fields, options.expectedVersion ?? null)
        return sendCommand(body, options, terminal)
      }),
    )

  withCommandOptions(command.command('delete').argument('<id>').description(`remove a ${noun}`), [
    ['remove it', `${name} delete my-${noun}`],
  ])
    .addOption(expectedVersionOption())
    .action((id: string, options: ChangeOptions) =>
      run(options, (terminal) =>
        sendCommand(entityCommands[kind].remove(id, options.expectedVersion ?? null), options, terminal),
      ),
    )
  return command
}

/** The part of the options that says as of when to read. */
export function readOptions({ asOf }: { asOf?: RegistryMoment }): { asOf?: RegistryMoment } {
  return asOf === undefined ? {} : { asOf }
}

function expectedVersionOption(): Option {
  return integerOption('--expected-version <n>', 'refuse when its last change is another version', 0)
}

function givenFields(flags: readonly DefinitionFlag[], options: ChangeOptions): Record<string, unknown> {
  const given = flags.map(({ field, option }) => [field, options[option().attributeName()]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined))
}

async function list<TKind extends RegistryKind>(
  group: EntityGroup<TKind>,
  options: ListOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { entities, json, footer } = await withRegistry(terminal, (registry) => group.list(registry, options))
  if (options.json === true) {
    printJson(terminal, json)
    return exitCodes.ok
  }
  const headings = ['id', ...group.columns.map(([heading]) => heading), 'version']
  const rows = entities.map(({ definition, version }) => [
    definition.id,
    ...group.columns.map(([, text]) => text(definition)),
    String(version),
  ])
  printTable(
    terminal,
    headings,
    rows.map((row) => row.map(printable)),
  )
  if (footer !== undefined) printLine(terminal, footer)
  return exitCodes.ok
}
