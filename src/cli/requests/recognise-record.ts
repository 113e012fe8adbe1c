import type { ContractName, RecordOf } from '../../codec/contract-type.ts'
import { retryIdHeader } from '../../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { type RequestKey, requestKeyText } from '../../delivery/request-key.ts'
import { eventId } from '../../events/cloud-events.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import { placeText } from '../place.ts'

/** What a topic holds, as far as the search for a request's records needs to know. */
export type SearchedRole =
  | 'requests'
  | 'retry'
  | 'completions'
  | 'replies'
  | 'performance'
  | 'chunks'
  | 'deadLetters'
  | 'commands'

/** A topic to look into. */
export interface SearchedTopic {
  name: string
  role: SearchedRole
  /** The only tenant of a request topic; null when any. */
  tenant: string | null
}

/** Decodes as a session does. @throws DECODE_FAILED, SCHEMA_UNKNOWN, SCHEMA_REGISTRY_UNAVAILABLE */
export type Decode = <TName extends ContractName>(name: TName, value: Buffer | null) => Promise<RecordOf<TName>>

/**
 * Whether a record is one of this request. Ids in headers are deterministic, so most records are known without being decoded; what
 * cannot be decoded is not known, unless it is the dead letter of a place in `sources`.
 * @throws SCHEMA_REGISTRY_UNAVAILABLE
 */
export async function isOfRequest(
  record: ReceivedRecord,
  topic: SearchedTopic,
  wanted: { key: RequestKey; sources: ReadonlySet<string>; decode: Decode },
): Promise<boolean> {
  const { key, sources, decode } = wanted
  const { tenant, requestId } = key
  const { headers, value } = record
  const matches = async (name: 'ModelRequest' | 'PerformanceEvent' | 'ModelChunk'): Promise<boolean> => {
    const found = await decodeIfReadable({ decode }, name, value)
    const owner = found === undefined ? null : { tenant: topic.tenant ?? found.tenant, requestId: found.requestId }
    return owner !== null && requestKeyText(owner) === requestKeyText(key)
  }
  switch (topic.role) {
    case 'requests':
      return sources.has(placeText(record)) || (await matches('ModelRequest'))
    case 'retry': {
      const count = headers['retry-count'] ?? ''
      return /^\d{1,3}$/.test(count) && headers[retryIdHeader] === eventId(tenant, requestId, 'Retry', Number(count))
    }
    case 'completions':
    case 'replies':
      return headers['ce_id'] === eventId(tenant, requestId, 'ModelCompletion', 0)
    case 'performance':
      return headers['ce_subject'] === requestId && (await matches('PerformanceEvent'))
    case 'chunks':
      return headers['ce_subject'] === requestId && (await matches('ModelChunk'))
    case 'deadLetters': {
      const source = [headers['dlt-source-topic'], headers['dlt-source-partition'], headers['dlt-source-offset']]
      return sources.has(source.join('/')) || (value !== null && (await matches('ModelRequest')))
    }
    case 'commands': {
      const body = (await decodeIfReadable({ decode }, 'ModelCommand', value))?.command
      if (body?.type !== 'RecordFeedback' && body?.type !== 'CancelRequest') return false
      return body.requestId === requestId && body.requestTenant === tenant
    }
    default:
      return topic.role satisfies never
  }
}
