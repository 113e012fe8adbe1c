import { readFileSync, realpathSync, statSync } from 'node:fs'
import { isAbsolute, resolve, sep } from 'node:path'
import { invalidRequest } from './invalid-request.ts'
import { ProviderError } from './provider.ts'

/** Where keys may come from. */
export interface KeySources {
  /** Environment; only names that begin with MODEL_KEY_ are looked at. */
  env: Readonly<Record<string, string | undefined>>
  /** Folder beneath which `file:` references lie; null when there is none. */
  secretsDirectory: string | null
}

/** Largest key file in bytes. */
const largestKeyBytes = 16_384

/**
 * The key to which the first reference leads that leads to one: `MODEL_KEY_<NAME>` an environment variable,
 * `file:<path>` a file beneath the secrets directory. Null for an empty list. Keys never show in an error.
 * @throws INVALID_REQUEST for a reference of another form, or a path that leaves the directory
 * @throws PROVIDER_AUTHENTICATION when none leads to a key
 */
export function resolveKey(references: readonly string[], sources: KeySources, provider: string): string | null {
  if (references.length === 0) return null
  for (const reference of references) {
    const key = read(reference, sources, provider)?.trim()
    if (!key) continue
    // A header can hold nothing else; a line break in it would end the header.
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw missing(provider, `The key at ${reference} holds spaces or characters outside ASCII; correct it.`)
    }
    return key
  }
  throw missing(provider, `Provider ${provider} has no key: set ${references.join(' or ')}.`)
}

/** A key and the reference that leads to it. */
export interface NamedKey {
  reference: string
  key: string
}

/**
 * All keys to which the references lead, in their order, each key once; empty for an empty list. A reference that leads to
 * nothing usable is left out as long as another leads to a key.
 * @throws as {@link resolveKey}
 */
export function resolveKeys(references: readonly string[], sources: KeySources, provider: string): NamedKey[] {
  const named = new Map<string, NamedKey>()
  let failure: unknown
  for (const reference of references) {
    try {
      const key = resolveKey([reference], sources, provider)
      if (key !== null && !named.has(key)) named.set(key, { reference, key })
    } catch (error) {
      failure ??= error
    }
  }
  // Nothing leads anywhere: the list as a whole says it better than its first entry, unless that is malformed.
  if (named.size === 0 && failure !== undefined) {
    resolveKey(references, sources, provider)
    throw failure
  }
  return [...named.values()]
}

function read(reference: string, { env, secretsDirectory }: KeySources, provider: string): string | undefined {
  if (/^MODEL_KEY_[A-Z0-9_]{1,100}$/.test(reference)) return env[reference]
  if (!reference.startsWith('file:')) {
    throw invalidRequest(provider, 'A key reference must be MODEL_KEY_<NAME> (an environment variable) or file:<path>.')
  }
  if (secretsDirectory === null) {
    throw invalidRequest(provider, `The key reference ${reference} needs SECRETS_DIR, which is not set.`)
  }
  return readBeneath(secretsDirectory, reference.slice('file:'.length), reference, provider)
}

/** Links are followed first (Kubernetes mounts secrets as links), then the place is judged. */
function readBeneath(directory: string, path: string, reference: string, provider: string): string | undefined {
  const outside = () => invalidRequest(provider, `The key reference ${reference} must stay beneath SECRETS_DIR.`)
  if (path === '' || isAbsolute(path) || path.includes('\0') || path.split(/[/\\]/).includes('..')) throw outside()
  let file: string
  try {
    const root = realpathSync(directory)
    file = realpathSync(resolve(root, path))
    if (!file.startsWith(root + sep)) throw outside()
    const { size } = statSync(file)
    if (size > largestKeyBytes) throw missing(provider, `The key file at ${reference} is too large to be a key.`)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof ProviderError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw missing(provider, `The key file at ${reference} cannot be read.`, cause)
  }
}

function missing(provider: string, message: string, cause?: unknown): ProviderError {
  return new ProviderError('PROVIDER_AUTHENTICATION', message, { provider, ...(cause !== undefined && { cause }) })
}
