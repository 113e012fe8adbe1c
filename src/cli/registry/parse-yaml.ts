import { readFileSync, statSync } from 'node:fs'
import { type Document, isNode, LineCounter, parseAllDocuments } from 'yaml'
import { UsageError } from '../usage-error.ts'

/** One document of a YAML file; JSON is YAML. */
export interface YamlDocument {
  document: Document.Parsed
  /** `file:line:column` of a node, or of an offset in the text; of the document when there is none. */
  place(at: unknown): string
}

/** Largest file that is read, in bytes: no registry fills it. */
const maxFileBytes = 16 * 1024 * 1024

/** Reads a file of UTF-8 text. @throws UsageError when it cannot be read, is too large, or is no text */
export function readTextFile(file: string): string {
  let bytes: Buffer
  try {
    const { size } = statSync(file)
    if (size > maxFileBytes) throw new UsageError(`${file}: ${size} bytes: expected a file of at most ${maxFileBytes}.`)
    bytes = readFileSync(file)
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${file}: it cannot be read (${reasonOf(error)}).`)
  }
  return decodeText(bytes, file)
}

/** @throws UsageError unless the bytes are UTF-8 */
export function decodeText(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError(`${source}: it is not UTF-8 text.`)
  }
}

/**
 * Parses YAML or JSON: all keys are texts, no key comes twice in a map.
 * @throws UsageError with the place of the first mistake
 */
export function parseYaml(text: string, source: string): YamlDocument[] {
  const lineCounter = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter, prettyErrors: false, stringKeys: true, logLevel: 'error' })
  const documents = 'empty' in parsed ? [] : parsed
  const placeOf = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset)
    return `${source}:${Math.max(line, 1)}:${Math.max(col, 1)}`
  }
  return documents.map((document) => {
    const [mistake] = document.errors
    if (mistake !== undefined) throw new UsageError(`${placeOf(mistake.pos[0])}: ${mistake.message}.`)
    return {
      document,
      place: (at) => {
        if (typeof at === 'number') return placeOf(at)
        return placeOf((isNode(at) ? at.range?.[0] : undefined) ?? document.range[0])
      },
    }
  })
}

/** A document as plain values. @throws UsageError when its aliases grow too large, or it is nested too deeply */
export function plainValue({ document, place }: YamlDocument): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch {
    throw new UsageError(`${place(document)}: its aliases lead nowhere, or unfold to too much.`)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
