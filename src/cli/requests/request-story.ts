/** What is known of a request, from the database and the topics, and the same in the order of time. Pure. */
import Big from 'big.js'
import type { Attempt, ModelCompletion } from '../../contract/types.ts'
import type { RequestKey } from '../../delivery/request-key.ts'
import type { RequestRows } from '../../delivery/request-rows.ts'
import { formatAmount } from '../../pricing/amount.ts'
import { tokenTotals } from '../../pricing/token-totals.ts'
import { counted } from '../counted.ts'
import { answeredBy, costText } from '../format-record.ts'
import { placeText } from '../place.ts'
import { printable } from '../terminal.ts'
import type { RecordsFound } from './find-records.ts'

/** All that is known. */
export interface RequestStory extends RequestKey {
  rows: Omit<RequestRows, 'completionBody'>
  /** Its terminal record: of the topic, else of the request log; null when neither has it. */
  completion: ModelCompletion | null
  /** Null when the topics were not read. */
  records: RecordsFound | null
}

/** One thing that happened. */
export interface StoryEntry {
  /** Unix ms. */
  at: number
  what: string
  detail: string
  /** Topic, partition and offset of its record, where it has one. */
  place: string | null
}

/** Whether anything is known of the request at all. */
export function isKnown({ rows, records }: RequestStory): boolean {
  const { ledger, log, cancellation, feedback } = rows
  const hasRows = log.length > 0 || feedback.length > 0
  return ledger !== null || cancellation !== null || hasRows || (records?.found.length ?? 0) > 0
}

/** Where the request stands, in a few words. */
export function standing({ rows: { ledger, log }, completion }: RequestStory): string {
  const status = ledger?.status ?? log.at(-1)?.status ?? completion?.status
  if (ledger === null) return status ?? 'not in the ledger'
  switch (ledger.state) {
    case 'PUBLISHED':
      return status ?? 'PUBLISHED'
    case 'SETTLED':
      return ledger.nextRetry === null
        ? `${status ?? '?'}, stored and not published yet`
        : `waits to go to retry ${ledger.nextRetry}`
    case 'RETRYING':
      return `waits for retry ${ledger.retry}`
    case 'CLAIMED':
      return ledger.owner === null
        ? 'given up by its worker, waits to be taken over'
        : `in hand (a call may be under way) of ${ownerText(ledger)}`
    default:
      return ledger.state satisfies never
  }
}

/** What happened, oldest first; what happened at the same moment in the order of its causes. */
export function timelineOf(story: RequestStory): StoryEntry[] {
  return [...recordEntries(story), ...rowEntries(story), ...attemptEntries(story.completion?.attempts ?? [])].sort(
    (left, right) => left.at - right.at,
  )
}

function rowEntries({ rows: { ledger, log, cancellation, feedback } }: RequestStory): StoryEntry[] {
  const entries: StoryEntry[] = []
  const add = (at: number, what: string, detail: string): void => {
    entries.push({ at, what, detail, place: null })
  }
  if (ledger !== null) {
    add(
      ledger.createdAt,
      'first claim',
      `payload ${ledger.payloadHash.slice(0, 15)}…, on uncertain ${ledger.onUncertain}`,
    )
    const unknown = ledger.unknownCount > 0 ? `, ${counted(ledger.unknownCount, 'call')} of unknown fate` : ''
    add(
      ledger.updatedAt,
      `ledger ${ledger.state}`,
      `token ${ledger.token}, retry ${ledger.retry}, ${ownerText(ledger)}${unknown}`,
    )
  }
  if (cancellation !== null) {
    add(cancellation.requestedAt, 'cancellation asked for', printable(cancellation.reason ?? 'no reason given'))
  }
  for (const { actor, score, hasCorrection, hasComment, createdAt } of feedback) {
    const facts = [
      score === null ? '' : `score ${score}`,
      hasCorrection ? 'a correction' : '',
      hasComment ? 'a comment' : '',
    ]
    add(createdAt, 'feedback', `${facts.filter((fact) => fact !== '').join(', ')} by ${printable(actor)}`)
  }
  for (const row of log) {
    const cost =
      row.cost === null
        ? `cost unknown (${row.costReason ?? '?'})`
        : `${formatAmount(new Big(row.cost))} ${row.currency ?? ''}`
    const facts = [
      row.status,
      row.errorCode ?? '',
      answeredBy(row),
      cost,
      `${counted(row.attemptCount, 'attempt')}`,
      `${row.durationMs} ms`,
    ]
    add(row.finishedAt, 'finished', facts.filter((fact) => fact !== '').join(', '))
    if (row.erasedAt !== null) {
      add(
        row.erasedAt,
        'bodies erased',
        printable(`by ${row.erasedBy ?? '?'}${row.eraseReason === null ? '' : `: ${row.eraseReason}`}`),
      )
    }
  }
  return entries
}

function attemptEntries(attempts: readonly Attempt[]): StoryEntry[] {
  return attempts.map((attempt) => {
    const { number, outcome, startedAt, finishedAt, usage, cost, error, httpStatus } = attempt
    const took = startedAt === null || finishedAt === null ? '' : `${finishedAt - startedAt} ms`
    const tokens = usage === null ? '' : `${tokenTotals(usage).input} tokens in, ${tokenTotals(usage).output} out`
    const failure = error === null ? '' : `${error.code}${httpStatus === null ? '' : ` (HTTP ${httpStatus})`}`
    const facts = [outcome, failure, answeredBy(attempt), tokens, costText(cost), took].filter((fact) => fact !== '')
    return { at: startedAt ?? finishedAt ?? 0, what: `attempt ${number}`, detail: facts.join(', '), place: null }
  })
}

function recordEntries({ records }: RequestStory): StoryEntry[] {
  const entries: StoryEntry[] = []
  const chunks = records?.found.filter(({ role }) => role === 'chunks') ?? []
  for (const { role, record } of records?.found ?? []) {
    if (role === 'chunks') continue
    const { headers, timestamp, value } = record
    entries.push({
      at: timestamp,
      what: recordNames[role],
      detail: printable(detailOf(role, headers, value?.length ?? 0)),
      place: placeText(record),
    })
  }
  const [first] = chunks
  if (first !== undefined) {
    const last = chunks.at(-1)?.record ?? first.record
    const detail = `${counted(chunks.length, 'live delta')} in ${last.timestamp - first.record.timestamp} ms`
    entries.push({ at: first.record.timestamp, what: 'chunks', detail, place: placeText(first.record) })
  }
  return entries
}

const recordNames = {
  requests: 'request record',
  retry: 'retry record',
  completions: 'completion record',
  replies: 'reply record',
  performance: 'performance record',
  chunks: 'chunks',
  deadLetters: 'dead letter',
  commands: 'command record',
} as const

function detailOf(role: keyof typeof recordNames, headers: Readonly<Record<string, string>>, bytes: number): string {
  switch (role) {
    case 'retry': {
      const notBefore = Number(headers['retry-not-before'])
      const due = Number.isSafeInteger(notBefore) ? `, not before ${new Date(notBefore).toISOString()}` : ''
      return `retry ${headers['retry-count']}${due}`
    }
    case 'deadLetters':
      return `${headers['dlt-reason'] ?? '?'}: ${headers['dlt-message'] ?? ''}`
    case 'performance':
    case 'completions':
    case 'replies':
      return `${headers['ce_type'] ?? ''}, ${bytes} bytes`
    default:
      return `${bytes} bytes`
  }
}

function ownerText({ owner, worker }: NonNullable<RequestRows['ledger']>): string {
  if (owner === null) return 'no owner'
  if (worker === null) return `${owner}, whose lease is forgotten`
  return `${owner} (${printable(worker.host)}, process ${worker.pid}, ${worker.isAlive ? 'alive' : 'dead'})`
}
