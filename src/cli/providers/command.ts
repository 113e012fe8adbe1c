import type { Command } from 'commander'
import type { Limits } from '../../contract/types.ts'
import { integerOption } from '../command-options.ts'
import type { RunAction } from '../program.ts'
import { listFlag, metadataFlag, textFlag } from '../registry/definition-flags.ts'
import { addEntityGroup, type EntityGroup, readOptions } from '../registry/entity-group.ts'
import { type CommandOptions, sendCommand, withCommandOptions } from '../registry/send-command.ts'
import { UsageError } from '../usage-error.ts'

interface LimitsOptions extends CommandOptions {
  maxConcurrentCalls?: number
  requestsPerMinute?: number
  tokensPerMinute?: number
  none?: boolean
}

const providers: EntityGroup<'PROVIDER'> = {
  kind: 'PROVIDER',
  name: 'providers',
  description: 'the providers of the registry',
  flags: [
    textFlag('kind', '--kind <kind>', { description: 'wire format or preset, for example openai-compatible' }),
    textFlag('baseUrl', '--base-url <url>', { description: 'its address (default: that of the kind)' }),
    listFlag('keyReferences', '--key-reference <name>', {
      description: 'name of a variable that begins with MODEL_KEY_, or file:PATH beneath SECRETS_DIR; never a key',
      parse: (text) => text,
    }),
    textFlag('defaultModel', '--default-model <name>', { description: 'for requests that name only the provider' }),
    metadataFlag,
  ],
  examples: {
    list: [
      ['all of them', 'providers list'],
      ['as they were at version 17 of the registry', 'providers list --as-of 17'],
    ],
    register: [
      [
        'one with two keys',
        'providers register openai --kind openai --key-reference MODEL_KEY_A --key-reference MODEL_KEY_B',
      ],
      ['a server of your own', 'providers register house --kind openai-compatible --base-url http://127.0.0.1:8000/v1'],
      ['by a file of a ProviderDefinition', 'providers register --file my-provider.yaml'],
    ],
    update: [['another address', 'providers update house --base-url http://127.0.0.1:9000/v1']],
  },
  columns: [
    ['kind', ({ kind }) => kind],
    ['base url', ({ baseUrl }) => baseUrl ?? ''],
    ['key references', ({ keyReferences }) => keyReferences.join(' ')],
    ['limits', ({ limits }) => limitsText(limits)],
  ],
  async list(registry, options) {
    const entities = await registry.listProviders(readOptions(options))
    return { entities, json: { providers: entities } }
  },
}

/** `providers`: the commands of {@link addEntityGroup}, and `set-limits`. */
export function addProvidersCommand(program: Command, run: RunAction): void {
  const group = addEntityGroup(program, run, providers)
  withCommandOptions(
    group
      .command('set-limits')
      .argument('<id>')
      .description('replace all limits of a provider; they hold for each of its keys, over all workers'),
    [
      [
        'sixty requests a minute, eight at once',
        'providers set-limits my-provider --requests-per-minute 60 --max-concurrent-calls 8',
      ],
      ['no limits any more', 'providers set-limits my-provider --none'],
    ],
  )
    .addOption(integerOption('--max-concurrent-calls <n>', 'calls at once', 1, 2_147_483_647))
    .addOption(integerOption('--requests-per-minute <n>', 'requests a minute', 1, 2_147_483_647))
    .addOption(integerOption('--tokens-per-minute <n>', 'tokens a minute', 1, 2_147_483_647))
    .option('--none', 'no limit at all')
    .addHelpText('after', '\nA limit that is not given is none.')
    .action((provider: string, options: LimitsOptions) =>
      run(options, (terminal) =>
        sendCommand({ type: 'SetLimits', provider, limits: limitsOf(options) }, options, terminal),
      ),
    )
}

/** @throws UsageError when neither a limit nor `--none` is said: leaving all out must be meant */
function limitsOf({ maxConcurrentCalls, requestsPerMinute, tokensPerMinute, none }: LimitsOptions): Limits {
  const limits = {
    maxConcurrentCalls: maxConcurrentCalls ?? null,
    requestsPerMinute: requestsPerMinute ?? null,
    tokensPerMinute: tokensPerMinute ?? null,
  }
  const isLimited = Object.values(limits).some((limit) => limit !== null)
  if (isLimited === (none === true)) throw new UsageError('Expected at least one limit, or --none alone.')
  return limits
}

function limitsText(limits: Limits | null): string {
  if (limits === null) return ''
  const { maxConcurrentCalls, requestsPerMinute, tokensPerMinute } = limits
  const facts = [
    maxConcurrentCalls === null ? '' : `${maxConcurrentCalls} at once`,
    requestsPerMinute === null ? '' : `${requestsPerMinute} requests/min`,
    tokensPerMinute === null ? '' : `${tokensPerMinute} tokens/min`,
  ]
  return facts.filter((fact) => fact !== '').join(', ')
}
