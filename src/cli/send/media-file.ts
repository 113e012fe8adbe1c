import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { maxMessageBytes } from '../../contract/topics.ts'
import type { MediaRefDraft } from '../../contract/types.ts'
import { UsageError } from '../usage-error.ts'

const mediaTypes: Record<string, string> = {
  '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.ogg': 'audio/ogg',
  '.flac': 'audio/flac',
  '.webm': 'audio/webm',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
  '.txt': 'text/plain',
}

/** The media type that belongs to a file's extension; null when it is not known. */
export function mediaTypeOf(file: string): string | null {
  return mediaTypes[path.extname(file).toLowerCase()] ?? null
}

/** A file as inline media; its type comes from the extension. @throws UsageError when it cannot be read or sent */
export function readMedia(file: string): MediaRefDraft {
  const mediaType = mediaTypeOf(file) ?? 'application/octet-stream'
  return { bytes: readMediaBytes(file), mediaType, filename: path.basename(file) }
}

/** The bytes of a file. @throws UsageError when it cannot be read, or is larger than a record may be */
export function readMediaBytes(file: string): Buffer {
  try {
    const { size } = statSync(file)
    if (size > maxMessageBytes) {
      throw new UsageError(
        `${file} has ${size} bytes: expected at most ${maxMessageBytes}, as a record may not be larger. Pass larger media by URL.`,
      )
    }
    return readFileSync(file)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new UsageError(`${file} cannot be read (${reason}): expected a file.`)
  }
}
