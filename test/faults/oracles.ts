/**
 * The judgement of a run. Four witnesses are compared: the calls that the provider received, the database, the topics
 * read to their end, and the committed offsets. A call may be repeated only for a request whose worker was killed, or
 * stopped past its lease, between claim and settlement, and once for each such event; never where the request asked for
 * `onUncertain` FAIL. Nothing else is ever excused.
 */
import type { Evidence, Expectation, LoggedOutcome, SeenCompletion, SentRequest } from './evidence.ts'

/** The outcome of a run in numbers. */
export interface Verdict {
  requestCount: number
  terminalCount: number
  lostCount: number
  doubledCount: number
  callCount: number
  /** Calls of requests beyond those that each makes. */
  repeatedCount: number
  excusedCount: number
  unexcusedCount: number
  /** Longest time from a fault until what the worker had in hand was published, in ms; null without one. */
  recoveryMs: number | null
  /** What is wrong, in words; empty for a run that passes. */
  problems: string[]
}

/** Judges a run. */
export function judge(evidence: Evidence, expectation: Expectation): Verdict {
  const sent = new Map(evidence.sent.map((request) => [request.requestId, request]))
  const terminal = Map.groupBy(evidence.completions, ({ requestId }) => requestId)
  const calls = Map.groupBy(evidence.calls, ({ requestId }) => requestId)
  const problems = new Problems()

  const lost = [...sent.keys()].filter((id) => !terminal.has(id))
  problems.add('lost: no terminal record', lost)
  const doubled = [...terminal].filter(([, records]) => records.length > 1)
  problems.add(
    'doubled: several terminal records',
    doubled.map(([id]) => id),
  )
  problems.add(
    'a terminal record of a request that nobody sent',
    [...terminal.keys()].filter((id) => !sent.has(id)),
  )

  const repeated = judgeCalls(evidence, { sent, calls, problems })
  judgeRecords(evidence, { sent, terminal, calls, expectation, problems })
  judgeDatabase(evidence, { sent, terminal, problems })
  judgeOrder(evidence.completions, sent, { expectation, problems })

  return {
    requestCount: sent.size,
    terminalCount: evidence.completions.length,
    lostCount: lost.length,
    doubledCount: doubled.reduce((sum, [, records]) => sum + records.length - 1, 0),
    callCount: evidence.calls.length,
    ...repeated,
    recoveryMs: recoveryMs(evidence),
    problems: problems.list,
  }
}

interface Judging {
  sent: ReadonlyMap<string, SentRequest>
  terminal: ReadonlyMap<string, readonly SeenCompletion[]>
  calls: ReadonlyMap<string, readonly { idempotencyKey: string | null }[]>
  expectation: Expectation
  problems: Problems
}

function judgeCalls(
  { calls: all, faults }: Evidence,
  { sent, calls, problems }: Pick<Judging, 'sent' | 'calls' | 'problems'>,
): Pick<Verdict, 'repeatedCount' | 'excusedCount' | 'unexcusedCount'> {
  const excuses = Map.groupBy(
    faults.flatMap(({ claimed }) => claimed),
    (id) => id,
  )
  let repeatedCount = 0
  let excusedCount = 0
  const unexcused: string[] = []
  for (const [id, made] of calls) {
    const request = sent.get(id)
    const repeats = Math.max(0, made.length - (request?.expects.callCount ?? 0))
    const allowed = request?.onUncertain === 'FAIL' ? 0 : (excuses.get(id)?.length ?? 0)
    repeatedCount += repeats
    excusedCount += Math.min(repeats, allowed)
    if (repeats > allowed) unexcused.push(`${id} (${made.length} calls, ${allowed} excused)`)
  }
  problems.add('called again without an excuse', unexcused)
  const sameAttempt = [...Map.groupBy(all, ({ idempotencyKey }) => idempotencyKey)].filter(
    ([key, made]) => key === null || made.length > 1,
  )
  problems.add(
    'several calls of one attempt, or a call without an idempotency key',
    sameAttempt.map(([, made]) => made[0]?.requestId ?? '?'),
  )
  return { repeatedCount, excusedCount, unexcusedCount: repeatedCount - excusedCount }
}

function judgeRecords(
  { completions, events, deadLetters, faults }: Evidence,
  { sent, terminal, calls, expectation, problems }: Judging,
): void {
  const claimedAtFault = new Set(faults.flatMap(({ claimed }) => claimed))
  const unexpected = completions.filter(({ requestId, status, errorCode }) => {
    const request = sent.get(requestId)
    if (status === request?.expects.status) return false
    const isUnknown = errorCode === 'OUTCOME_UNKNOWN' && request?.onUncertain === 'FAIL'
    return !(isUnknown && claimedAtFault.has(requestId))
  })
  problems.add(
    'an unexpected status',
    unexpected.map(({ requestId, status, errorCode }) => `${requestId} ${status} ${errorCode ?? ''}`.trim()),
  )
  if (!completions.some(({ status }) => status === 'COMPLETED')) problems.add('nothing succeeded', ['every request'])
  const kinds = new Map([
    ...events.map(({ eventId, requestId, kind }) => [eventId, `${kind} of ${requestId}`] as const),
    ...completions.map(({ eventId, requestId }) => [eventId, `completion of ${requestId}`] as const),
  ])
  const ids = [...completions, ...events].map(({ eventId }) => eventId)
  problems.add(
    'an event id that came twice',
    repeatedOnes(ids).map((id) => kinds.get(id) ?? id),
  )
  problems.add(
    'calls that the terminal record does not account for',
    [...terminal].flatMap(([id, [first]]) => ((first?.attemptCount ?? 0) < (calls.get(id)?.length ?? 0) ? [id] : [])),
  )
  const perRequest = new Set(events.filter(({ kind }) => kind === 'REQUEST').map(({ requestId }) => requestId))
  problems.add(
    'no performance event of the request',
    [...terminal.keys()].filter((id) => !perRequest.has(id)),
  )
  const codes = deadLetters.map(({ code }) => code).sort()
  if (codes.join() !== [...expectation.deadLetterCodes].sort().join()) {
    problems.add('other dead letters than expected', [codes.join(' ') || 'none'])
  }
}

function judgeDatabase(
  { ledger, requestLog, offsets }: Evidence,
  { sent, terminal, problems }: Pick<Judging, 'sent' | 'terminal' | 'problems'>,
): void {
  problems.add(
    'a ledger row that is not PUBLISHED',
    ledger.filter(({ state }) => state !== 'PUBLISHED').map(({ requestId, state }) => `${requestId} ${state}`),
  )
  const rows = new Set(ledger.map(({ requestId }) => requestId))
  problems.add(
    'no ledger row',
    [...sent.keys()].filter((id) => !rows.has(id)),
  )
  const logged = new Map(requestLog.map((row) => [row.requestId, row]))
  problems.add('several rows in the request log', repeatedOnes(requestLog.map(({ requestId }) => requestId)))
  problems.add(
    'a terminal record that the request log lacks',
    [...terminal.keys()].filter((id) => !logged.has(id)),
  )
  problems.add(
    'a terminal record of another outcome than the one that was settled',
    [...terminal].flatMap(([id, [record]]) => {
      const row = logged.get(id)
      return row === undefined || record === undefined || isSameOutcome(row, record) ? [] : [id]
    }),
  )
  problems.add(
    'a row in the request log without terminal record',
    [...logged.keys()].filter((id) => !terminal.has(id)),
  )
  problems.add(
    'a committed offset that is not the end',
    offsets
      .filter(({ end, committed }) => end > 0 && committed !== end)
      .map(({ topic, partition, end, committed }) => `${topic}/${partition} at ${committed} of ${end}`),
  )
}

function isSameOutcome(row: LoggedOutcome, { status, attemptCount, finishedAt }: SeenCompletion): boolean {
  return (
    row.status === status &&
    row.attemptCount === attemptCount &&
    (finishedAt === null || Math.round(finishedAt) === row.finishedAt)
  )
}

/** Requests of one key lie in one partition, and so do their terminal records: offsets tell both orders. */
function judgeOrder(
  completions: readonly SeenCompletion[],
  sent: ReadonlyMap<string, SentRequest>,
  { expectation, problems }: Pick<Judging, 'expectation' | 'problems'>,
): void {
  if (expectation.order === 'none') return
  const sequences = Map.groupBy(completions, ({ requestId, partition, source }) =>
    expectation.order === 'key'
      ? `${sent.get(requestId)?.key}`
      : `${source?.topic}/${source?.partition} in ${partition}`,
  )
  const disordered = [...sequences].flatMap(([sequence, records]) => {
    const offsets = records.toSorted((left, right) => left.offset - right.offset).map(({ source }) => source?.offset)
    const at = offsets.findIndex((offset, index) => index > 0 && Number(offset) < Number(offsets[index - 1]))
    return at === -1 ? [] : [`${sequence}: offset ${offsets[at]} after ${offsets[at - 1]}`]
  })
  problems.add(`terminal records out of order (${expectation.order})`, disordered)
}

function recoveryMs({ faults, ledger }: Evidence): number | null {
  const publishedAt = new Map(
    ledger.flatMap(({ requestId, state, updatedAt }) => (state === 'PUBLISHED' ? [[requestId, updatedAt]] : [])),
  )
  const times = faults.flatMap(({ at, claimed, settled }) =>
    [...claimed, ...settled].flatMap((id) => {
      const published = publishedAt.get(id)
      return published === undefined ? [] : [Math.max(0, published - at)]
    }),
  )
  return times.length === 0 ? null : Math.max(...times)
}

function repeatedOnes(ids: readonly string[]): string[] {
  const seen = new Set<string>()
  return ids.filter((id) => seen.size === seen.add(id).size)
}

/** Collects what is wrong, with a few examples of each. */
class Problems {
  readonly list: string[] = []

  add(what: string, examples: readonly string[]): void {
    if (examples.length === 0) return
    const shown = examples.slice(0, 5).join(', ')
    this.list.push(`${examples.length} × ${what}: ${shown}${examples.length > 5 ? ', …' : ''}`)
  }
}
