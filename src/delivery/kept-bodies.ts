import { hash } from 'node:crypto'
import type { BodyKeeping } from '../contract/body-keeping.ts'
import type { SettleRequest } from './ledger.ts'

/** Wire-format bytes of a request and its completion. */
interface WireBodies {
  request: Buffer | null
  completion: Buffer | null
}

/** What the request log is given of two bodies. */
export function keptBodies(keeping: BodyKeeping, { request, completion }: WireBodies): SettleRequest['bodies'] {
  switch (keeping) {
    case 'full':
      return { request, completion }
    case 'hash':
      return { request: sha256(request), completion: sha256(completion), areHashes: true }
    case 'none':
      return { request: null, completion: null }
    default:
      return keeping satisfies never
  }
}

function sha256(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : hash('sha256', bytes, 'buffer')
}
