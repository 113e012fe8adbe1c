import type { MediaRef } from '../contract/types.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { refuse } from './field-rules.ts'

/**
 * Holds a medium of a request against the contract.
 * @throws INVALID_REQUEST, PAYLOAD_TOO_LARGE
 */
export function validateMedia(path: string, media: MediaRef, limits: { maxMediaBytes: number }): void {
  const { bytes, url, sha256 } = media
  if ((bytes === null) === (url === null)) refuse(path, 'must have exactly one of bytes and url')
  if (bytes !== null && bytes.length === 0) refuse(`${path}.bytes`, 'must not be empty')
  if (bytes !== null && bytes.length > limits.maxMediaBytes) {
    throw new ModelServiceError(
      'PAYLOAD_TOO_LARGE',
      `${path}.bytes is ${bytes.length} bytes, above the limit of ${limits.maxMediaBytes}. Send a smaller medium or its url.`,
    )
  }
  if (url !== null && !isHttpUrl(url)) refuse(`${path}.url`, 'must be an http or https address without credentials')
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256)) {
    refuse(`${path}.sha256`, 'must be 64 lower-case hexadecimal digits')
  }
}

/** Whether a text is an absolute http or https address without user name or password. */
export function isHttpUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url === null) return false
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === ''
}
