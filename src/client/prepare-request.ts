import { randomUUID } from 'node:crypto'
import { completeDraft } from '../codec/contract-type.ts'
import { maxMessageBytes } from '../contract/topics.ts'
import type { ModelRequest, ModelRequestDraft } from '../contract/types.ts'
import { validateRequest } from '../model-service/validate-request.ts'
import type { RequestDraft } from './client-options.ts'

/**
 * The request that is sent for a draft, checked as a worker does it; what only a worker knows (models, providers, its limits)
 * is left to it. Undefined fields count as left out.
 * @throws INVALID_REQUEST naming the path of what is wrong, unknown fields included
 * @throws PAYLOAD_TOO_LARGE for media that no record can hold
 */
export function prepareRequest(draft: RequestDraft, { tenant }: { tenant: string }): ModelRequest {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined))
  // completeDraft checks every field of what is no more than an object here.
  const request = completeDraft('ModelRequest', { requestId: randomUUID(), tenant, ...given } as ModelRequestDraft)
  validateRequest(request, { maxMediaBytes: maxMessageBytes })
  return request
}
