import { createHash } from 'node:crypto'

/**
 * The key under which an attempt is sent: the same for the same (tenant, request, attempt), different for any other.
 * SHA-256 of the length-prefixed parts, in lower-case hexadecimal: ids may hold any separator.
 */
export function idempotencyKey(tenant: string, requestId: string, attempt: number): string {
  const parts = [tenant, requestId, String(attempt)]
  return createHash('sha256')
    .update(parts.map((part) => `${part.length}:${part}`).join('/'))
    .digest('hex')
}
