/** Headers of what we publish: the Kafka binding of CloudEvents 1.0 in binary mode, and what is passed on. */
import { v5 as uuidV5 } from 'uuid'

/** What an event says of itself. */
export interface CloudEvent {
  id: string
  /** For example model.request.completed. */
  type: string
  /** What it is about, for example a request id. */
  subject: string
  /** Unix time in ms. */
  timeMs: number
}

/** The `ce_source` of all events. */
export const eventSource = '/model-service'

/** Namespace of our event ids; chosen at random once and never changed. */
const namespace = '5c6f2a6e-0c1b-4e0f-9a55-6c1a3a0f7f3d'

/**
 * The deterministic id of an event: the same parts give the same id, so readers can drop what a redelivery repeats.
 * Each part is preceded by its length, so that no two lists of parts look alike.
 */
export function eventId(...parts: readonly (string | number)[]): string {
  const name = parts.map((part) => `${Buffer.byteLength(String(part))}:${part}`).join('')
  return uuidV5(Buffer.from(name), namespace)
}

/** The headers of an event with an Avro value. */
export function cloudEventHeaders({ id, type, subject, timeMs }: CloudEvent): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: eventSource,
    ce_type: type,
    // The attribute is a URI reference in plain ASCII; ids are visible ASCII, so nothing is lost.
    ce_subject: subject,
    ce_time: new Date(timeMs).toISOString(),
    'content-type': 'application/avro',
  }
}

/** Version, trace id, parent id and flags as the W3C has them (Trace Context, section 3.2). */
const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The headers that go from a request to all that comes of it: `traceparent`, `tracestate`, `correlation-id`. */
export function passedOnHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const passed: Record<string, string> = {}
  const { traceparent, tracestate, 'correlation-id': correlationId } = headers
  if (traceparent !== undefined && traceparentPattern.test(traceparent)) {
    passed['traceparent'] = traceparent
    if (tracestate !== undefined && tracestate.length <= 512) passed['tracestate'] = tracestate
  }
  if (correlationId !== undefined && correlationId.length <= 1_024) passed['correlation-id'] = correlationId
  return passed
}
