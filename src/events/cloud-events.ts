/** Headers of what we publish: the Kafka binding of CloudEvents 1.0 in binary mode, and what is passed on. */
import { hash } from 'node:crypto'

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
const eventSource = '/model-service'

/** Namespace of our event ids; chosen at random once and never changed. */
const namespace = Buffer.from('5c6f2a6e-0c1b-4e0f-9a55-6c1a3a0f7f3d'.replaceAll('-', ''), 'hex')

/** The first hexadecimal digit of the fourth group: the variant `10`, then two bits of the hash. */
const variants = '89ab'

/**
 * The deterministic id of an event, a UUID of version 5: the same parts give the same id, so readers can drop what a
 * redelivery repeats. Each part is preceded by its length, so that no two lists of parts look alike. Made by hand (RFC 9562,
 * section 5.5), in one call of the hash: three are needed for every request.
 */
export function eventId(...parts: readonly (string | number)[]): string {
  let name = ''
  for (const part of parts) name += `${Buffer.byteLength(String(part))}:${part}`
  const hex = hash('sha1', Buffer.concat([namespace, Buffer.from(name)]), 'hex')
  const variant = variants[Number.parseInt(hex.charAt(16), 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
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
