import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { decodeText, readTextFile } from '../registry/parse-yaml.ts'
import type { Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import type { RegistrySource } from './read-registry.ts'

/**
 * Reads what `-f` names, in its order: files, the `.yaml`, `.yml` and `.json` files of a folder by name (not of folders in
 * it), and `-` for standard input.
 * @throws UsageError when something cannot be read
 */
export async function readSources(
  names: readonly string[],
  { cwd, stdin }: Pick<Terminal, 'cwd' | 'stdin'>,
): Promise<RegistrySource[]> {
  const sources: RegistrySource[] = []
  for (const name of names) {
    if (name === '-') {
      sources.push({ name: 'standard input', text: decodeText(await buffer(stdin), 'standard input') })
      continue
    }
    for (const file of filesOf(name, cwd)) {
      sources.push({ name: file, text: readTextFile(path.resolve(cwd, file)) })
    }
  }
  return sources
}

function filesOf(name: string, cwd: string): string[] {
  const isFolder = statSync(path.resolve(cwd, name), { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder) return [name]
  const files = readdirSync(path.resolve(cwd, name), { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
    .map((entry) => path.join(name, entry.name))
  if (files.length === 0) throw new UsageError(`${name}: expected a folder with .yaml, .yml or .json files.`)
  return files.sort()
}
