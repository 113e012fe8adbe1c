import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { type ModelStatus, modelStatusSymbols, type RequestType, requestTypeSymbols } from '../../contract/types.ts'
import type { ModelQuery } from '../../model-service/ports/registry.ts'
import { integerOption } from '../command-options.ts'
import { counted } from '../counted.ts'
import type { RunAction } from '../program.ts'
import { countFlag, listFlag, metadataFlag, textFlag } from '../registry/definition-flags.ts'
import { addEntityGroup, type EntityGroup, type ListOptions, readOptions } from '../registry/entity-group.ts'
import { type CommandOptions, sendCommand, withCommandOptions } from '../registry/send-command.ts'

interface ModelListOptions extends ListOptions {
  provider?: string
  capability?: RequestType
  taskType?: string
  status?: ModelStatus
  search?: string
  page: number
  pageSize: number
}

const capabilities = requestTypeSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')
const statuses = modelStatusSymbols.filter((symbol) => symbol !== 'UNSPECIFIED')

const models: EntityGroup<'MODEL'> = {
  kind: 'MODEL',
  name: 'models',
  description: 'the models of the registry',
  flags: [
    textFlag('provider', '--provider <id>', { description: 'registered provider, or name of a preset' }),
    textFlag('providerModel', '--provider-model <name>', { description: 'name at the provider (default: the id)' }),
    listFlag('capabilities', '--capability <type>', {
      description: `what it serves (${capabilities.join(', ')})`,
      parse: capabilityOf,
    }),
    listFlag('taskTypes', '--task-type <name>', {
      description: 'a kind of task that it is meant for, as requests name it',
      parse: (text) => text,
    }),
    textFlag('displayName', '--display-name <text>', { description: 'name for people' }),
    textFlag('description', '--description <text>', { description: 'what it is good for' }),
    textFlag('status', '--status <status>', { description: 'whether it serves', choices: statuses }),
    countFlag('contextWindow', '--context-window <tokens>', 'tokens of input and output together'),
    countFlag('maxOutputTokens', '--max-output-tokens <tokens>', 'tokens of the output'),
    metadataFlag,
  ],
  examples: {
    list: [
      ['all of them', 'models list'],
      ['those that chat', 'models list --capability CHAT --status ACTIVE'],
      ['those that are meant for a kind of task', 'models list --task-type summary'],
      ['those of yesterday noon', 'models list --as-of 2026-11-23T12:00Z'],
    ],
    register: [
      ['by flags', 'models register my-model --provider openai --provider-model gpt-4o-mini --capability CHAT'],
      ['by a file of a ModelDefinition', 'models register --file my-model.yaml'],
    ],
    update: [
      ['describe it', 'models update my-model --description "for short answers"'],
      ['only if nobody changed it since version 7', 'models update my-model --file my-model.yaml --expected-version 7'],
    ],
  },
  columns: [
    ['provider', ({ provider }) => provider],
    ['provider model', ({ providerModel }) => providerModel ?? ''],
    ['capabilities', ({ capabilities }) => capabilities.join(' ')],
    ['task types', ({ taskTypes }) => taskTypes.join(', ')],
    ['status', ({ status }) => status],
  ],
  addListOptions(command) {
    command
      .option('--provider <id>', 'only of this provider')
      .addOption(new Option('--capability <type>', 'only those that serve this').choices(capabilities))
      .option('--task-type <name>', 'only those that are meant for this kind of task')
      .addOption(new Option('--status <status>', 'only those with this status').choices(statuses))
      .option('--search <text>', 'only those with this in id, name or description')
      .addOption(integerOption('--page <n>', 'which page', 1).default(1))
      .addOption(integerOption('--page-size <n>', 'models on a page', 1, 200).default(50))
  },
  async list(registry, options) {
    const found = await registry.listModels(queryOf(options as ModelListOptions))
    const pageCount = Math.max(1, Math.ceil(found.totalCount / found.pageSize))
    const footer = `page ${found.page} of ${pageCount}, ${counted(found.totalCount, 'model')}`
    return { entities: found.models, json: found, ...(pageCount > 1 ? { footer } : {}) }
  },
}

/** `models`: the commands of {@link addEntityGroup}, and `set-status`. */
export function addModelsCommand(program: Command, run: RunAction): void {
  const group = addEntityGroup(program, run, models)
  withCommandOptions(
    group
      .command('set-status')
      .argument('<id>')
      .addArgument(new Argument('<status>').choices(statuses))
      .description('say whether a model serves: INACTIVE ones refuse requests, DEPRECATED ones warn'),
    [['take it out of service', 'models set-status my-model INACTIVE']],
  ).action((id: string, status: ModelStatus, options: CommandOptions) =>
    run(options, (terminal) => sendCommand({ type: 'SetModelStatus', id, status }, options, terminal)),
  )
}

function queryOf(options: ModelListOptions): ModelQuery {
  const { page, pageSize, provider, capability, taskType, status, search } = options
  return {
    page,
    pageSize,
    ...(provider === undefined ? {} : { provider }),
    ...(capability === undefined ? {} : { capability }),
    ...(taskType === undefined ? {} : { taskType }),
    ...(status === undefined ? {} : { status }),
    ...(search === undefined ? {} : { search }),
    ...readOptions(options),
  }
}

function capabilityOf(text: string): string {
  if (capabilities.some((known) => known === text)) return text
  throw new InvalidArgumentError(`Allowed choices are ${capabilities.join(', ')}.`)
}
