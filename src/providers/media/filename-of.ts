import type { MediaRef } from '../../contract/types.ts'

/** Extensions by media type; providers judge a file by its name. */
const extensions: Readonly<Record<string, string>> = {
  'audio/wav': 'wav',
  'audio/wave': 'wav',
  'audio/x-wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/mp4': 'm4a',
  'audio/x-m4a': 'm4a',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'audio/flac': 'flac',
  'audio/x-flac': 'flac',
  'audio/webm': 'webm',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'application/pdf': 'pdf',
  'text/plain': 'txt',
}

/** The name under which media is shown to a provider: its own without folders, else `media` with the type's extension. */
export function filenameOf({ filename, mediaType }: Pick<MediaRef, 'filename' | 'mediaType'>): string {
  const own = filename?.replace(/^.*[/\\]/, '').replace(/[\x00-\x1f"]/g, '')
  if (own) return own.slice(-128)
  const type = mediaType.split(';')[0]?.trim().toLowerCase() ?? ''
  return `media.${extensions[type] ?? 'bin'}`
}
