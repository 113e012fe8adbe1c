/** What is published of an outcome: its completion, a copy to whom it asked for one, performance events, a dead letter. */
import { completeDraft } from '../codec/contract-type.ts'
import type { PublishedEncoders } from '../codec/record-encoder.ts'
import { noOutput } from '../contract/no-output.ts'
import { maxMessageBytes, topicName } from '../contract/topics.ts'
import type { ErrorDetail, ModelCompletion, PerformanceEvent } from '../contract/types.ts'
import type { OutgoingRecord } from '../delivery/outgoing-record.ts'
import type { ReceivedRecord } from '../delivery/received-record.ts'
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { Outcome, RequestLogRow } from '../model-service/ports/outcome.ts'
import { cloudEventHeaders, eventId, passedOnHeaders } from './cloud-events.ts'
import { type CompletionRecordsOptions, createCompletionRecords } from './completion-records.ts'
import { deadLetterRecord } from './dead-letter.ts'
import { recordBytes } from './record-bytes.ts'

/** What the records are made with. */
export interface OutcomeRecordsOptions extends Omit<CompletionRecordsOptions, 'encode'> {
  encoders: Pick<PublishedEncoders, 'ModelCompletion' | 'PerformanceEvent'>
  /** Whether the request log keeps the bodies of a tenant, so that an outcome too large to publish can point to its own. */
  areBodiesKept(tenant: string): boolean
  /** Largest record in bytes; default 8 MiB less 64 KiB for the batch around it. */
  maxRecordBytes?: number
}

/** An outcome, ready to settle and to publish. */
export interface OutcomeRecords {
  /** The completion first. */
  records: OutgoingRecord[]
  /** The completion's value as it came from the service, also when it is too large to publish. */
  completionValue: Buffer
  /** The log row; says PAYLOAD_TOO_LARGE where the published completion does. */
  log: RequestLogRow
  /** Why the outcome, or an event of it, could not be encoded as it was; null when all is well. */
  problem: Error | null
}

/** Makes the function that turns an outcome, and the record that its request came in, into records. */
export function createOutcomeRecords(
  options: OutcomeRecordsOptions,
): (outcome: Outcome, source: ReceivedRecord) => OutcomeRecords {
  const { encoders, topicPrefix, areBodiesKept, maxRecordBytes = maxMessageBytes - 64 * 1024 } = options
  const completions = createCompletionRecords({ ...options, encode: encoders.ModelCompletion })

  function performanceRecord(event: PerformanceEvent, source: ReceivedRecord): OutgoingRecord {
    const { tenant, requestId, kind, attempt, occurredAt, model } = event
    const perAttempt = kind === 'ATTEMPT'
    const headers = {
      ...cloudEventHeaders({
        id: eventId(tenant, requestId, `PerformanceEvent.${kind}`, perAttempt ? attempt : 0),
        type: perAttempt ? 'model.attempt.measured' : 'model.request.measured',
        subject: requestId,
        timeMs: occurredAt,
      }),
      ...passedOnHeaders(source.headers),
    }
    const key = Buffer.from(model ?? requestId)
    return { topic: topicName('performance', topicPrefix), key, headers, value: encoders.PerformanceEvent(event) }
  }

  function fittingRecords(outcome: Outcome, source: ReceivedRecord): OutcomeRecords {
    let { completion, performance, log } = outcome
    let published = completions.published(completion, source)
    const completionValue = published.value ?? Buffer.alloc(0)
    for (const shrink of [withoutOutput, withoutLabels]) {
      if (recordBytes(published) <= maxRecordBytes) break
      // An error takes a picture of the stack, which is too dear for outcomes that fit.
      const isKept = areBodiesKept(completion.tenant)
      const error = tooLarge(outcome.completion, completionValue.length, isKept)
      completion = shrink(completion, error, isKept)
      published = completions.published(completion, source)
      log = { ...log, status: 'FAILED', errorCode: error.code, confidence: null }
      performance = performance.map((event) =>
        event.kind === 'REQUEST' ? { ...event, status: 'FAILED', errorCode: error.code } : event,
      )
    }
    const records = [published]
    let problem: Error | null = null
    for (const event of performance) {
      try {
        records.push(performanceRecord(event, source))
      } catch (cause) {
        problem = ModelServiceError.from(cause)
      }
    }
    const reply = completions.reply(completion, source, published)
    if (reply !== null) records.push(reply)
    if (outcome.completion.status === 'REJECTED') {
      const reason = outcome.completion.error ?? { code: 'INVALID_REQUEST', message: 'The request was rejected.' }
      records.push(deadLetterRecord(source, reason, topicPrefix))
    }
    return { records, completionValue, log, problem }
  }

  return (outcome, source) => {
    try {
      return fittingRecords(outcome, source)
    } catch (cause) {
      const problem = ModelServiceError.from(cause)
      for (const completion of unencodable(outcome.completion, problem)) {
        try {
          const log: RequestLogRow = { ...outcome.log, status: 'FAILED', errorCode: 'INTERNAL_ERROR', confidence: null }
          return { ...fittingRecords({ ...outcome, completion, log }, source), problem }
        } catch {
          // The next one has less in it; the last one nothing but ids.
        }
      }
      throw problem
    }
  }
}

function tooLarge(completion: ModelCompletion, sizeBytes: number, isKept: boolean): ErrorDetail {
  const rest = isKept ? 'and is kept in the request log' : 'and is lost, as the request log keeps no bodies'
  const message = `The completion has ${sizeBytes} bytes, more than a record may have; its answer was left out ${rest}.`
  return new ModelServiceError('PAYLOAD_TOO_LARGE', message, {
    ...(completion.provider !== null && { provider: completion.provider }),
  }).toDetail()
}

/** What can be said of a completion that does not fit its schema, the fullest first. */
function unencodable(completion: ModelCompletion, problem: Error): ModelCompletion[] {
  const message = `The completion could not be encoded. ${problem.message}`
  const error = new ModelServiceError('INTERNAL_ERROR', message, { retryable: false }).toDetail()
  const { requestId, tenant, token, source, payloadHash } = completion
  return [
    withoutOutput(completion, error, false),
    completeDraft('ModelCompletion', { requestId, tenant, status: 'FAILED', error, token, source, payloadHash }),
  ]
}

/** The call was paid for, so what it cost stays; only the answer goes. */
function withoutOutput(completion: ModelCompletion, error: ErrorDetail, isKept: boolean): ModelCompletion {
  const { tenant, requestId } = completion
  return {
    ...completion,
    ...noOutput,
    status: 'FAILED',
    confidence: null,
    storedBody: isKept ? `request-log:${tenant}/${requestId}` : null,
    error,
  }
}

/** What a producer's labels or many attempts' messages may still weigh. */
function withoutLabels(completion: ModelCompletion): ModelCompletion {
  const attempts = completion.attempts.map((attempt) => ({ ...attempt, error: null }))
  return { ...completion, metadata: {}, warnings: [], attempts }
}
