import type { SourceCoordinates } from '../contract/types.ts'

/** What identifies a request. */
export interface RequestKey {
  tenant: string
  requestId: string
}

/** One text for a key, to look it up by; valid ids hold no U+0000, nor does any text in PostgreSQL. */
export function requestKeyText({ tenant, requestId }: RequestKey): string {
  return `${tenant}\0${requestId}`
}

/** Whether two places are the same: a redelivery is, a second record of the same request is not. */
export function isSameSource(left: SourceCoordinates, right: SourceCoordinates): boolean {
  return left.topic === right.topic && left.partition === right.partition && left.offset === right.offset
}
