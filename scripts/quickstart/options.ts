import { parseArgs } from 'node:util'
import { type StackBackend, stackBackends } from '../../src/stack/stack-options.ts'

/** Providers that `--provider` knows: where the key may be found, and which models answer. Calls cost money. */
export const paidProviders = {
  openai: {
    keyVariables: ['MODEL_KEY_OPENAI', 'OPENAI_API_KEY'],
    keyReference: 'MODEL_KEY_OPENAI',
    models: {
      chat: 'gpt-4o-mini',
      completion: 'gpt-3.5-turbo-instruct',
      embedding: 'text-embedding-3-small',
      imageGeneration: 'gpt-image-1-mini',
      audioTranscription: 'whisper-1',
      audioTranslation: 'whisper-1',
    },
  },
} as const

/** Name of a provider that `--provider` knows. */
export type PaidProvider = keyof typeof paidProviders

/** What the user asked of the quickstart. */
export interface QuickstartOptions {
  keep: boolean
  offline: boolean
  /** How Kafka, the schema registry and PostgreSQL are run. */
  backend: StackBackend
  /** A provider and the key to pay with; null runs on this machine only. */
  paid: { name: PaidProvider; key: string } | null
}

export const usage = `usage: npm run quickstart [-- OPTIONS]

Starts Kafka, a schema registry, PostgreSQL, local models and a worker on this machine, registers models through the
command topic, sends one request of each of the six types from examples/, prints what came back and stops everything.

  --keep              leave everything running and print the addresses
  --offline           download nothing; everything must be in the caches
  --backend compose   run the servers in containers; needs a Docker engine
  --provider NAME     let a provider answer, with your key, for your money (known: ${Object.keys(paidProviders).join(', ')})
  --help              this text
`

/** Reads the arguments; a text is what to tell the user instead. */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): QuickstartOptions | { problem: string } | 'help' {
  let values: { keep: boolean; offline: boolean; help: boolean; backend: string; provider?: string }
  try {
    values = parseArgs({
      args: [...args],
      options: {
        keep: { type: 'boolean', default: false },
        offline: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
        backend: { type: 'string', default: 'embedded' },
        provider: { type: 'string' },
      },
    }).values
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
  if (values.help) return 'help'
  const { keep, offline, provider } = values
  const backend = stackBackends.find((name) => name === values.backend)
  if (backend === undefined) {
    return { problem: `--backend ${values.backend} is not known: expected one of ${stackBackends.join(', ')}` }
  }
  if (provider === undefined) return { keep, offline, backend, paid: null }
  if (!isPaidProvider(provider)) {
    return { problem: `--provider ${provider} is not known: expected one of ${Object.keys(paidProviders).join(', ')}` }
  }
  const { keyVariables } = paidProviders[provider]
  const key = keyVariables.map((name) => env[name]).find((value) => value !== undefined && value !== '')
  if (key === undefined) return { problem: `--provider ${provider} needs a key in ${keyVariables.join(' or ')}` }
  return { keep, offline, backend, paid: { name: provider, key } }
}

function isPaidProvider(name: string): name is PaidProvider {
  return Object.hasOwn(paidProviders, name)
}
