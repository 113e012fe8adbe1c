/**
 * Replies to requests that are not served: those that had ended before, and those whose id belongs to another request. Nobody
 * would answer their senders else, who wait. Apart from the transactions of outcomes, so at least once; a reply that its topic refuses
 * is left out.
 */
import { completeDraft } from '../codec/contract-type.ts'
import type { CompletionStatus, ModelCompletion, RequestType } from '../contract/types.ts'
import { completionStatusSymbols, requestTypeSymbols } from '../contract/types.ts'
import type { DeliveryJob } from '../delivery/delivery-job.ts'
import type { OutgoingRecord, RefusedRecord } from '../delivery/outgoing-record.ts'
import type { EndedRequest } from '../delivery/postgres-ended-requests.ts'
import type { RequestKey } from '../delivery/request-key.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import { eventId } from './cloud-events.ts'
import { type CompletionRecords, outputOmitted } from './completion-records.ts'

/** What later replies are made with. */
export interface LaterRepliesOptions {
  /** Null when the request has not ended. @throws DATABASE_UNAVAILABLE */
  findEnded(request: RequestKey): Promise<EndedRequest | null>
  /** @throws DECODE_FAILED, SCHEMA_UNKNOWN, SCHEMA_REGISTRY_UNAVAILABLE */
  decode(value: Buffer): ModelCompletion | Promise<ModelCompletion>
  completions: CompletionRecords
  /** Whether a topic, by its full name, may get replies. */
  isReplyTopic(topic: string): boolean
  /** As `PlainPublisher.publish`, which tells of what is refused. */
  publish(records: readonly OutgoingRecord[]): Promise<RefusedRecord[]>
  now(): number
}

/** See the head of the file. Both do nothing for a record that asks for no reply. */
export interface LaterReplies {
  /** Sends the reply of a request that had ended before, its output included where it is kept. @throws when it is to be tried again */
  repeat(job: DeliveryJob): Promise<void>
  /** Says why the request is not served. @throws when it is to be tried again */
  refuse(job: DeliveryJob, error: ModelServiceError): Promise<void>
}

/** See {@link LaterReplies}. */
export function createLaterReplies(options: LaterRepliesOptions): LaterReplies {
  const { findEnded, decode, completions, isReplyTopic, publish, now } = options

  /** The completion as it was published; null where it is not kept, or was published otherwise than it was kept. */
  async function kept({ completionValue, status }: EndedRequest): Promise<ModelCompletion | null> {
    if (completionValue === null) return null
    try {
      const completion = await decode(completionValue)
      return completion.status === status ? completion : null
    } catch (error) {
      if (error instanceof ModelServiceError && !error.retryable) return null
      throw error
    }
  }

  return {
    async repeat({ tenant, requestId, record }) {
      if (!isReplyTopic(record.headers['reply-topic'] ?? '')) return
      const ended = await findEnded({ tenant, requestId })
      if (ended === null) return
      const completion = (await kept(ended)) ?? summary({ tenant, requestId }, ended)
      const reply = completions.reply(completion, record)
      if (reply !== null) await publish([reply])
    },

    async refuse({ tenant, requestId, record, source }, error) {
      if (!isReplyTopic(record.headers['reply-topic'] ?? '')) return
      const completion = completeDraft('ModelCompletion', {
        requestId,
        tenant,
        status: 'REJECTED',
        error: error.toDetail(),
        source,
        timings: { finishedAt: now() },
      })
      const reply = completions.reply(completion, record)
      if (reply === null) return
      // The other request of this id has an event of its own.
      const id = eventId(tenant, requestId, 'Refusal', source.topic, source.partition, source.offset)
      await publish([{ ...reply, headers: { ...reply.headers, ce_id: id } }])
    },
  }
}

/** What is known of a completion whose whole is kept by its topic alone. */
function summary({ tenant, requestId }: RequestKey, ended: EndedRequest): ModelCompletion {
  const { model, provider, errorCode: code, finishedAt } = ended
  const message = 'The answer is not kept beside the completions topic; read it there.'
  return completeDraft('ModelCompletion', {
    requestId,
    tenant,
    status: symbolOf<CompletionStatus>(completionStatusSymbols, ended.status),
    kind: symbolOf<RequestType>(requestTypeSymbols, ended.requestType),
    model,
    provider,
    error: code === null ? null : { code, message },
    timings: { finishedAt },
    warnings: [{ code: outputOmitted, message }],
  })
}

function symbolOf<TSymbol extends string>(symbols: readonly (TSymbol | 'UNSPECIFIED')[], text: string | null) {
  return symbols.find((symbol) => symbol === text) ?? 'UNSPECIFIED'
}
