/**
 * The content hash by which a duplicate request id is told from a redelivery: `v1:` and the SHA-256 of the canonical JSON
 * (RFC 8785) of the decoded record. Fields equal to their schema default are left out, at every depth, so a worker whose
 * schema has more fields finds the same hash. Bytes are base64. A change of these rules is a new version.
 */
import { hash as hashOf } from 'node:crypto'
import type { ModelCommand, ModelRequest } from '../contract/types.ts'
import { canonicalJson, type Json, withoutDefaults } from './without-defaults.ts'

/** The hash of a request: `v1:` and 64 lower-case hexadecimal digits. */
export function payloadHash(request: ModelRequest): string {
  return hash(withoutDefaults('ModelRequest')(request))
}

/** The hash of what a command does: its id, actor and time play no part. */
export function commandDigest(command: ModelCommand): string {
  return hash(withoutDefaults('ModelCommand')({ ...command, commandId: '', actor: null, issuedAt: null }))
}

function hash(content: Json): string {
  return `v1:${hashOf('sha256', canonicalJson(content), 'hex')}`
}
