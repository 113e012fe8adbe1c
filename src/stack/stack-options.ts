import os from 'node:os'
import path from 'node:path'
import { StackError } from './stack-error.ts'

/** How Kafka, the schema registry and PostgreSQL are run: as processes of this machine, or by Docker Compose. */
export const stackBackends = ['embedded', 'compose'] as const
export type StackBackend = (typeof stackBackends)[number]

/** One step of a start. `fraction` is 0 to 1 where the whole is known. */
export interface StackProgress {
  part: string
  message: string
  fraction?: number
}

/** What to bring up and where. {@link resolveStackOptions} fills in what is not said. */
export interface StackOptions {
  /** Data, logs and state.json lie beneath it. Default `<cwd>/.model-service/stack`. */
  dataDirectory: string
  /** Per user, shared by all stacks: jars, Python libraries, weights. Default: see {@link defaultCacheDirectory}. */
  cacheDirectory: string
  /** Default: from `MODEL_SERVICE_TEST_BACKEND`, else `embedded`. `compose` needs a Docker engine that answers. */
  backend: StackBackend
  /** Running ones to use instead of starting our own. Default: from the three `MODEL_SERVICE_TEST_*` variables. */
  given: { kafkaBrokers?: string; schemaRegistryUrl?: string; databaseUrl?: string }
  /** `auto` (default): Ollama if it answers and has a fitting model, else local weights, else the protocol double. `none`: no models. */
  models: 'auto' | 'none'
  /** Nothing is downloaded; what is missing from the cache is an error. Default false. */
  offline: boolean
  /** True: the parts survive this process. False (default): they end with it, whatever ends it. */
  detached: boolean
  /** A double in place of local weights is an error. Default: whether `CI` is set. */
  weightsRequired: boolean
  /** Other weights than the packaged ones. Default: from `MODEL_SERVICE_TEST_GGUF` and `MODEL_SERVICE_TEST_WHISPER`. */
  weights: { gguf?: string; whisper?: string }
  /** Where Ollama is looked for. Default: `OLLAMA_HOST`, else `http://127.0.0.1:11434`. */
  ollamaUrl: string
  /** Told about every step. It may throw; that breaks nothing. Default: nobody is told. */
  onProgress(event: StackProgress): void
  /** Aborting it ends the start and everything begun. */
  signal?: AbortSignal
}

/** The environment variables that are read, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Options with defaults. The three addresses come only from their `MODEL_SERVICE_TEST_*` variables, so that a test run
 * never touches the database that `DATABASE_URL` names.
 * @throws STACK_OPTIONS_INVALID
 */
export function resolveStackOptions(options: Partial<StackOptions> = {}, env: Environment = process.env): StackOptions {
  const backend = options.backend ?? env['MODEL_SERVICE_TEST_BACKEND'] ?? 'embedded'
  if (!isBackend(backend)) {
    throw new StackError(
      'STACK_OPTIONS_INVALID',
      `Unknown backend "${backend}".`,
      `Take one of: ${stackBackends.join(', ')}.`,
    )
  }
  const notify = options.onProgress
  return {
    dataDirectory: path.resolve(options.dataDirectory ?? defaultDataDirectory()),
    cacheDirectory: path.resolve(options.cacheDirectory ?? defaultCacheDirectory(env)),
    backend,
    given: options.given ?? {
      ...optional('kafkaBrokers', env['MODEL_SERVICE_TEST_KAFKA_BROKERS']),
      ...optional('schemaRegistryUrl', env['MODEL_SERVICE_TEST_SCHEMA_REGISTRY_URL']),
      ...optional('databaseUrl', env['MODEL_SERVICE_TEST_DATABASE_URL']),
    },
    models: options.models ?? 'auto',
    offline: options.offline ?? false,
    detached: options.detached ?? false,
    weightsRequired: options.weightsRequired ?? isSet(env['CI']),
    weights: options.weights ?? {
      ...optional('gguf', env['MODEL_SERVICE_TEST_GGUF']),
      ...optional('whisper', env['MODEL_SERVICE_TEST_WHISPER']),
    },
    ollamaUrl: options.ollamaUrl ?? ollamaUrl(env['OLLAMA_HOST']),
    onProgress: (event) => {
      try {
        notify?.(event)
      } catch {
        // A listener that throws never breaks a start.
      }
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }
}

/** `<cwd>/.model-service/stack`. */
export function defaultDataDirectory(): string {
  return path.join(process.cwd(), '.model-service', 'stack')
}

/**
 * `MODEL_SERVICE_CACHE_DIR`, else `XDG_CACHE_HOME/model-service`, else the platform's place
 * (`~/Library/Caches/model-service` on macOS, `~/.cache/model-service` elsewhere).
 */
export function defaultCacheDirectory(env: Environment = process.env, platform: string = process.platform): string {
  const named = env['MODEL_SERVICE_CACHE_DIR']
  if (isSet(named)) return path.resolve(named)
  const xdg = env['XDG_CACHE_HOME']
  // The XDG base directory specification says that relative paths are to be ignored.
  if (isSet(xdg) && path.isAbsolute(xdg)) return path.join(xdg, 'model-service')
  const home = isSet(env['HOME']) ? env['HOME'] : os.homedir()
  return platform === 'darwin'
    ? path.join(home, 'Library', 'Caches', 'model-service')
    : path.join(home, '.cache', 'model-service')
}

/**
 * What `OLLAMA_HOST` means to a client, by Ollama's own rules: scheme and port may be missing, and the server's
 * listen-everywhere address `0.0.0.0` is reached on loopback.
 */
export function ollamaUrl(host: string | undefined): string {
  if (!isSet(host)) return 'http://127.0.0.1:11434'
  const trimmed = host.trim()
  const withScheme = /^https?:\/\//.test(trimmed) ? trimmed : `http://${trimmed}`
  try {
    const url = new URL(withScheme)
    if (url.hostname === '0.0.0.0' || url.hostname === '[::]') url.hostname = '127.0.0.1'
    // Only a host without a scheme takes Ollama's port: "https://host" means 443.
    if (url.port === '' && withScheme !== trimmed) url.port = '11434'
    return url.origin
  } catch (cause) {
    throw new StackError(
      'STACK_OPTIONS_INVALID',
      'OLLAMA_HOST is not an address.',
      'Write it like 127.0.0.1:11434.',
      cause,
    )
  }
}

function isBackend(name: string): name is StackBackend {
  return stackBackends.some((backend) => backend === name)
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '' && value !== 'false'
}

function optional<Key extends string>(key: Key, value: string | undefined): { [K in Key]?: string } {
  const found: { [K in Key]?: string } = {}
  if (isSet(value)) found[key] = value
  return found
}
