import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { completeDraft } from '../../codec/contract-type.ts'
import { isJsonObject } from '../../contract/json-object.ts'
import { isId } from '../../contract/limits.ts'
import type { ModelRequest, ModelRequestDraft } from '../../contract/types.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { UsageError } from '../usage-error.ts'
import { mediaTypeOf, readMediaBytes } from './media-file.ts'

/** A request file, as read. */
export interface RequestFile {
  /** Name for messages. */
  name: string
  text: string
  /** Folder that `$file` paths are relative to. */
  folder: string
}

/** Fields of a request that the command line may set beside or over those of a file. */
export type RequestOverrides = Partial<
  Pick<ModelRequestDraft, 'requestId' | 'tenant' | 'model' | 'provider' | 'lane' | 'stream'>
>

/**
 * The request in a JSON file: a ModelRequestDraft, in which `bytes` are base64 text or `{"$file": "speech.wav"}`. A
 * request id is made up when there is none.
 * @throws UsageError naming the JSON path of what is wrong
 */
export function readRequest(file: RequestFile, overrides: RequestOverrides = {}): ModelRequest {
  const draft = parse(file)
  if (!isJsonObject(draft)) throw new UsageError(`${file.name}: expected a JSON object with at least \`input\`.`)
  const input = resolveMedia(draft['input'], ['input'], file)
  return finishRequest({ requestId: randomUUID(), ...draft, input, ...overrides }, file.name)
}

/**
 * Fills in defaults and checks ids. What only a worker can judge (models, providers, ranges) is left to it.
 * @throws UsageError naming the path of what is wrong
 */
export function finishRequest(draft: object, name: string): ModelRequest {
  try {
    // completeDraft checks every field of what is no more than an object here.
    const request = completeDraft('ModelRequest', draft as ModelRequestDraft)
    for (const field of ['requestId', 'tenant'] as const) {
      if (!isId(request[field])) {
        throw new UsageError(`${name}: ${field}: expected 1 to 128 visible ASCII characters without spaces.`)
      }
    }
    return request
  } catch (error) {
    if (error instanceof ModelServiceError && error.code === 'INVALID_REQUEST') {
      throw new UsageError(`${name}: ${error.message}`)
    }
    throw error
  }
}

function parse(file: RequestFile): unknown {
  // Some editors begin a file with a byte order mark.
  const text = file.text.replace(/^\ufeff/, '')
  try {
    return JSON.parse(text)
  } catch (error) {
    const position = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1]
    const before = text.slice(0, Number(position ?? text.length)).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw new UsageError(`${file.name}: not JSON (${place}): expected a JSON object.`)
  }
}

/** Turns the written forms of `bytes` into bytes. Provider options are left alone: their names are the provider's. */
function resolveMedia(value: unknown, at: readonly string[], file: RequestFile): unknown {
  if (Array.isArray(value)) return value.map((item, index) => resolveMedia(item, [...at, String(index)], file))
  if (!isJsonObject(value)) return value
  const resolved = Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'providerOptions') return [key, item]
      return [key, key === 'bytes' ? resolveBytes(item, [...at, key], file) : resolveMedia(item, [...at, key], file)]
    }),
  )
  const named = isJsonObject(value['bytes']) ? value['bytes']['$file'] : undefined
  if (typeof named !== 'string' || 'mediaType' in value) return resolved
  const mediaType = mediaTypeOf(named)
  if (mediaType === null) {
    throw new UsageError(`${file.name}: ${at.join('.')}.mediaType: expected one, as ${named} does not tell its type.`)
  }
  return { filename: path.basename(named), ...resolved, mediaType }
}

function resolveBytes(value: unknown, at: readonly string[], file: RequestFile): unknown {
  if (typeof value === 'string') {
    if (/^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0) return Buffer.from(value, 'base64')
    throw new UsageError(`${file.name}: ${at.join('.')}: expected base64 text, or {"$file": "<path>"}.`)
  }
  if (!isJsonObject(value)) return value
  const { $file: named, ...rest } = value
  if (typeof named !== 'string' || Object.keys(rest).length > 0) {
    throw new UsageError(
      `${file.name}: ${at.join('.')}: expected base64 text, or {"$file": "<path>"} and nothing else.`,
    )
  }
  try {
    return readMediaBytes(path.resolve(file.folder, named))
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${file.name}: ${at.join('.')}: ${error.message}`) : error
  }
}
