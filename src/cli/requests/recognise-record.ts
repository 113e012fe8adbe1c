import type { ContractName, RecordOf } from '../../codec/contract-type.ts'
import { retryIdHeader } from '../../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../../delivery/received-record.ts'
import { type RequestKey, requestKeyText } from '../../delivery/request-key.ts'
import { eventId } from '../../events/cloud-events.ts'
import { decodeIfReadable } from '../decode-if-readable.ts'
import { type Place, placeText } from '../place.ts'

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

/** A request whose records are looked for. */
export interface WantedRequest extends RequestKey {
  /** Known places of its request record. */
  sources: readonly Place[]
}

/** Tells whose record it is: the index of the wanted request, or null. @throws SCHEMA_REGISTRY_UNAVAILABLE */
export type RecordOwner = (record: ReceivedRecord, topic: SearchedTopic) => Promise<number | null>

/** Ids of retries are kept for so many counts; beyond that they are computed again for each record. */
const keptRetryCount = 32

/**
 * Knows the records of any number of requests, at the cost of one. Ids in headers are deterministic, so most records are known
 * without being decoded; what cannot be decoded is not known, unless it is the dead letter of a known place.
 */
export function recordOwner(wanted: readonly WantedRequest[], decode: Decode): RecordOwner {
  const byKey = new Map(wanted.map((key, index) => [requestKeyText(key), index]))
  const bySource = new Map(wanted.flatMap(({ sources }, index) => sources.map((place) => [placeText(place), index])))
  const requestIds = new Set(wanted.map(({ requestId }) => requestId))
  const idsOf = (type: string, count: number): Map<string, number> =>
    new Map(wanted.map(({ tenant, requestId }, index) => [eventId(tenant, requestId, type, count), index]))
  const completionIds = idsOf('ModelCompletion', 0)
  const retryIds = new Map<number, Map<string, number>>()
  const ofRetry = (count: number): Map<string, number> => {
    const known = retryIds.get(count)
    if (known !== undefined) return known
    const ids = idsOf('Retry', count)
    if (retryIds.size < keptRetryCount) retryIds.set(count, ids)
    return ids
  }
  const byContent = async (
    name: 'ModelRequest' | 'PerformanceEvent' | 'ModelChunk',
    { value }: ReceivedRecord,
    { tenant }: SearchedTopic,
  ): Promise<number | null> => {
    const found = await decodeIfReadable({ decode }, name, value)
    if (found === undefined) return null
    return byKey.get(requestKeyText({ tenant: tenant ?? found.tenant, requestId: found.requestId })) ?? null
  }

  return async (record, topic) => {
    const { headers, value } = record
    switch (topic.role) {
      case 'requests':
        return bySource.get(placeText(record)) ?? (await byContent('ModelRequest', record, topic))
      case 'retry': {
        const count = headers['retry-count'] ?? ''
        return /^\d{1,3}$/.test(count) ? (ofRetry(Number(count)).get(headers[retryIdHeader] ?? '') ?? null) : null
      }
      case 'completions':
      case 'replies':
        return completionIds.get(headers['ce_id'] ?? '') ?? null
      case 'performance':
      case 'chunks': {
        if (!requestIds.has(headers['ce_subject'] ?? '')) return null
        return await byContent(topic.role === 'chunks' ? 'ModelChunk' : 'PerformanceEvent', record, topic)
      }
      case 'deadLetters': {
        const source = [headers['dlt-source-topic'], headers['dlt-source-partition'], headers['dlt-source-offset']]
        const ofSource = bySource.get(source.join('/'))
        if (ofSource !== undefined || value === null) return ofSource ?? null
        return await byContent('ModelRequest', record, topic)
      }
      case 'commands': {
        const body = (await decodeIfReadable({ decode }, 'ModelCommand', value))?.command
        if (body?.type !== 'RecordFeedback' && body?.type !== 'CancelRequest') return null
        return byKey.get(requestKeyText({ tenant: body.requestTenant, requestId: body.requestId })) ?? null
      }
      default:
        return topic.role satisfies never
    }
  }
}
