/**
 * The audit of requests: does every request have exactly one terminal record? Pure; the topics are read elsewhere.
 *
 * Memory grows with the number of distinct requests, by about 150 bytes each and their ids: a million requests need about
 * 250 MB. A limit ends the audit before the process runs out.
 */
import { parseRequestKeyText, requestKeyText } from '../../delivery/request-key.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'

/** Where a record lies, as far as the audit shows it. */
export interface AuditPlace {
  topic: string
  partition: number
  offset: number
}

/** A request with a wrong number of terminal records. */
export interface AuditProblem {
  tenant: string
  requestId: string
  terminalCount: number
}

/** What an audit found. */
export interface AuditReport {
  /** Distinct requests, by tenant and id. */
  requestCount: number
  /** Records on the request topic, repeated sends included. */
  requestRecordCount: number
  terminalRecordCount: number
  /** Requests without a terminal record; those still at work count too. */
  missingCount: number
  /** Requests with several terminal records. */
  doubledCount: number
  /** Terminal records whose request is no longer, or never was, on the request topic. No problem by itself. */
  withoutRequestCount: number
  /** Request records that could not be read, and are in the dead letter topic as they should be. */
  deadLetteredCount: number
  /** Request records that could not be read and are not in the dead letter topic. */
  lostRecordCount: number
  /** The first of each kind, sorted by tenant and id. */
  missing: AuditProblem[]
  doubled: AuditProblem[]
  lostRecords: AuditPlace[]
  /** Whether nothing is missing, doubled or lost. */
  clean: boolean
}

/** Requests that an audit holds at most. */
export const defaultMaxRequestsCount = 5_000_000

const listedCount = 20

/** Counts requests and their terminal records. The order in which records are added does not matter. */
export class RequestAudit {
  readonly #maxRequestsCount: number
  /** By the text of the key: 1 when requested, plus 2 for each terminal record. */
  readonly #counts = new Map<string, number>()
  readonly #unreadable = new Map<string, AuditPlace>()
  readonly #deadLettered = new Set<string>()
  #requestRecordCount = 0
  #terminalRecordCount = 0

  constructor(maxRequestsCount = defaultMaxRequestsCount) {
    this.#maxRequestsCount = maxRequestsCount
  }

  /** A request record. @throws PAYLOAD_TOO_LARGE beyond the limit of requests */
  addRequest(tenant: string, requestId: string): void {
    this.#requestRecordCount += 1
    this.#update(tenant, requestId, (count) => count | 1)
  }

  /** A terminal record. @throws PAYLOAD_TOO_LARGE beyond the limit of requests */
  addTerminal(tenant: string, requestId: string): void {
    this.#terminalRecordCount += 1
    this.#update(tenant, requestId, (count) => count + 2)
  }

  /** A request record that cannot be read: it must be in the dead letter topic. @throws PAYLOAD_TOO_LARGE likewise */
  addUnreadable(place: AuditPlace): void {
    this.#requestRecordCount += 1
    const { topic, partition, offset } = place
    this.#unreadable.set(placeKey(place), { topic, partition, offset })
    this.#checkLimit()
  }

  /** A record of the dead letter topic, by the place that its record had on the request topic. */
  addDeadLetter(source: AuditPlace): void {
    this.#deadLettered.add(placeKey(source))
  }

  report(): AuditReport {
    const requested = [...this.#counts].filter(([, count]) => count % 2 === 1)
    const missing = requested.filter(([, count]) => count === 1)
    // A second terminal record is wrong whether its request is still on the topic or not.
    const doubled = [...this.#counts].filter(([, count]) => count >= 4)
    const lost = [...this.#unreadable].filter(([key]) => !this.#deadLettered.has(key)).map(([, place]) => place)
    return {
      requestCount: requested.length,
      requestRecordCount: this.#requestRecordCount,
      terminalRecordCount: this.#terminalRecordCount,
      missingCount: missing.length,
      doubledCount: doubled.length,
      withoutRequestCount: this.#counts.size - requested.length,
      deadLetteredCount: this.#unreadable.size - lost.length,
      lostRecordCount: lost.length,
      missing: firstProblems(missing),
      doubled: firstProblems(doubled),
      lostRecords: lost.slice(0, listedCount),
      clean: missing.length === 0 && doubled.length === 0 && lost.length === 0,
    }
  }

  #update(tenant: string, requestId: string, change: (count: number) => number): void {
    const key = requestKeyText({ tenant, requestId })
    this.#counts.set(key, change(this.#counts.get(key) ?? 0))
    this.#checkLimit()
  }

  #checkLimit(): void {
    if (this.#counts.size + this.#unreadable.size > this.#maxRequestsCount) {
      throw new ModelServiceError(
        'PAYLOAD_TOO_LARGE',
        `There are more than ${this.#maxRequestsCount} requests: expected fewer, as the audit holds them in memory. ` +
          'Raise --max-requests-count, and the memory of Node with NODE_OPTIONS=--max-old-space-size=<MiB>.',
      )
    }
  }
}

function firstProblems(entries: readonly (readonly [string, number])[]): AuditProblem[] {
  const sorted = entries.toSorted(([left], [right]) => (left < right ? -1 : 1))
  return sorted.slice(0, listedCount).map(([key, count]) => {
    return { ...parseRequestKeyText(key), terminalCount: count >> 1 }
  })
}

function placeKey({ topic, partition, offset }: AuditPlace): string {
  return `${topic}/${partition}/${offset}`
}
