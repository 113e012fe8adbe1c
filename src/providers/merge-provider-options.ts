import { invalidRequest } from './invalid-request.ts'

/** Names with which an object's prototype could be reached. */
const dangerous: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The body, the caller's provider options (name to JSON text), and what they may not set. */
export interface ProviderOptionsMerge {
  body: Readonly<Record<string, unknown>>
  options: Readonly<Record<string, string>>
  /** Fields that decide what is asked, of whom and how it comes back: never the caller's, set or not. */
  reserved: ReadonlySet<string>
  provider: string
}

/**
 * Adds the caller's provider options to a body. They may add fields, never change one that is set.
 * @throws INVALID_REQUEST for a reserved or already set field, or a value that is not JSON
 */
export function mergeProviderOptions(merge: ProviderOptionsMerge): Record<string, unknown> {
  const { body, options, reserved, provider } = merge
  const merged = { ...body }
  for (const [name, json] of Object.entries(options)) {
    if (reserved.has(name) || dangerous.has(name) || Object.hasOwn(body, name)) {
      throw invalidRequest(
        provider,
        `providerOptions may not set \`${name}\`, which the request itself sets; leave it out.`,
      )
    }
    try {
      merged[name] = JSON.parse(json)
    } catch (cause) {
      throw invalidRequest(
        provider,
        `providerOptions.${name} is not JSON text; a text value needs quotes of its own.`,
        cause,
      )
    }
  }
  return merged
}
