/** What an audit says: the shape of its JSON, which is also what its text and its page are made of. */
import type { FindingKind } from './finding-kinds.ts'

/** Where a record lies. */
export interface ReportPlace {
  topic: string
  partition: number
  offset: number
}

/** One thing that is wrong. */
export interface Finding {
  /** Null where the record is of no request that could be read. */
  tenant: string | null
  requestId: string | null
  /** Null for a row of the database without a record. */
  place: ReportPlace | null
  /** What was found, and what was expected; null where the kind says all. */
  detail: string | null
}

/** All findings of one kind. */
export interface FindingGroup {
  kind: FindingKind
  /** The kind in words. */
  title: string
  /** How many there are; exact. */
  count: number
  /** The first of them, by tenant, request id and place. */
  examples: Finding[]
}

/** Something that the audit could not look at. */
export interface NotChecked {
  /** What was not compared. */
  what: string
  /** Why. */
  why: string
  /** Records that it concerns; null where it concerns all. */
  count: number | null
}

/** What one model cost, by the terminal records of the audit. */
export interface ModelCost {
  /** Null: no model was found for the request. */
  model: string | null
  currency: string
  requestCount: number
  /** The sum of the known amounts, exact, as decimal text. */
  amount: string
  /** Requests whose cost is not known; they are not in the sum. */
  unknownCount: number
}

/** Requests of a span of time. */
export interface RequestSpan {
  /** ISO 8601, the beginning of the span in UTC. */
  from: string
  count: number
}

/** See the head of the file. */
export interface AuditReport {
  /** Whether nothing was found. */
  clean: boolean
  /** SHA-256 of all that was audited; see audit-digest.ts. */
  digest: string
  /** ISO 8601. */
  auditedAt: string
  range: {
    requestTopics: string[]
    /** As the user said them. */
    from: string
    to: string
    partitions: number[] | null
  }
  counts: {
    /** Distinct requests, by tenant and id. */
    requests: number
    /** Records on the request topics, repeated sends and unreadable ones included. */
    requestRecords: number
    unreadableRequestRecords: number
    terminalRecords: number
    /** Terminal records whose request is no longer, or never was, in its topic. */
    withoutRequest: number
    attempts: number
    events: number
    deadLetters: number
    /** Requests without a terminal record that workers still have in hand. */
    inHand: number
    /** Requests whose terminal record lies before the range: repeated sends. */
    answeredBefore: number
    /** Requests older than the oldest terminal record that is kept. */
    expired: number
    /** Rows of the database; null without it. */
    logRows: number | null
    ledgerRows: number | null
  }
  byStatus: { status: string; count: number }[]
  /** The dearest first; at most {@link listedModels}, the rest as one with the model `(others)`. */
  costByModel: ModelCost[]
  requestsOver: {
    unit: 'hour' | 'day' | 'month'
    /** Only spans with requests, the earliest first; at most {@link listedSpans}. */
    spans: RequestSpan[]
    /** Requests in spans that are not listed. */
    elsewhereCount: number
  }
  findings: FindingGroup[]
  notChecked: NotChecked[]
}

/** Models of the table of costs. */
export const listedModels = 25
/** Spans of the table of requests over time. */
export const listedSpans = 100
