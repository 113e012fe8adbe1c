import { ProviderError } from '../provider.ts'

/** Fields that decide what is asked, of whom and how it comes back: never the caller's to set. */
const reserved = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'n',
  'input',
  'prompt',
  'file',
  '__proto__',
  'constructor',
  'prototype',
])

/**
 * Adds the caller's provider options, name to JSON text, to a body. They may add fields, never change one that is set.
 * @throws INVALID_REQUEST for a reserved or already set field, or a value that is not JSON
 */
export function mergeProviderOptions(
  body: Record<string, unknown>,
  options: Readonly<Record<string, string>>,
  provider: string,
): Record<string, unknown> {
  const merged = { ...body }
  for (const [name, json] of Object.entries(options)) {
    if (reserved.has(name) || Object.hasOwn(body, name)) {
      throw invalid(provider, `providerOptions may not set \`${name}\`, which the request itself sets; leave it out.`)
    }
    try {
      merged[name] = JSON.parse(json)
    } catch (cause) {
      throw invalid(provider, `providerOptions.${name} is not JSON text; a text value needs quotes of its own.`, cause)
    }
  }
  return merged
}

function invalid(provider: string, message: string, cause?: unknown): ProviderError {
  return new ProviderError('INVALID_REQUEST', message, { provider, ...(cause !== undefined && { cause }) })
}
