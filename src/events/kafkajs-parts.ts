/**
 * The way to private parts of kafkajs, which some of its defects can be mended by alone. Only for the version that was read: any
 * other may have other ones.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The version whose sources were read. */
export const readVersion = '2.2.4'

/** The version that is installed. */
export function installedVersion(): string {
  return (require('kafkajs/package.json') as { version: string }).version
}

/** What a file below `kafkajs/src` exports, as its reader knows it; undefined when this is another version, which is left alone. */
export function kafkajsPart<T>(file: string): T | undefined {
  return installedVersion() === readVersion ? (require(`kafkajs/src/${file}`) as T) : undefined
}

/** Puts another value in the place of what a file exports, for those who load it from now on. */
export function replaceKafkajsPart(file: string, replacement: unknown): void {
  const loaded = require.cache[require.resolve(`kafkajs/src/${file}`)]
  if (loaded !== undefined) loaded.exports = replacement
}
