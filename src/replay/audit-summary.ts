/** The figures of an audit, read from its work file. What could be many is grouped by SQLite and read one by one. */
import Big from 'big.js'
import { type AuditReport, listedModels, listedSpans, type ModelCost } from './audit-report.ts'
import { sumByModel } from './sum-by-model.ts'
import type { WorkFile } from './work-file.ts'

/** The part of a report that is counted. */
export type AuditSummary = Pick<AuditReport, 'counts' | 'byStatus' | 'costByModel' | 'requestsOver'>

/** Counts. */
export function summarize(file: WorkFile, { hasAccounts }: { hasAccounts: boolean }): AuditSummary {
  const count = (query: string): number => Number(file.all(query)[0]?.['count'] ?? 0)
  const standing = (name: string): number =>
    count(`SELECT count(*) AS count FROM unanswered WHERE standing = '${name}'`)
  return {
    counts: {
      requests: count('SELECT count(DISTINCT key) AS count FROM requests'),
      requestRecords: count('SELECT count(*) AS count FROM requests'),
      unreadableRequestRecords: count('SELECT count(*) AS count FROM requests WHERE NOT is_readable'),
      terminalRecords: count('SELECT count(*) AS count FROM completions'),
      withoutRequest: count(
        'SELECT count(*) AS count FROM completions c WHERE NOT EXISTS (SELECT 1 FROM requests r WHERE r.key = c.key)',
      ),
      attempts: count('SELECT count(*) AS count FROM attempts'),
      events: count('SELECT count(*) AS count FROM events'),
      deadLetters: count('SELECT count(*) AS count FROM dead_letters'),
      inHand: standing('in-hand'),
      answeredBefore: standing('answered-before'),
      expired: standing('expired'),
      logRows: hasAccounts ? count('SELECT count(*) AS count FROM log_rows') : null,
      ledgerRows: hasAccounts ? count('SELECT count(*) AS count FROM ledger_rows') : null,
    },
    byStatus: file
      .all('SELECT status, count(*) AS count FROM completions GROUP BY status ORDER BY count DESC, status')
      .map((row) => ({ status: String(row['status']), count: Number(row['count']) })),
    costByModel: costByModel(file),
    requestsOver: requestsOver(file),
  }
}

function costByModel(file: WorkFile): ModelCost[] {
  const rows = file.each('SELECT model, currency, cost FROM completions ORDER BY model, currency')
  return sumByModel(rows, ['cost'], listedModels).map(({ model, currency, rowCount, amounts, unknownCounts }) => ({
    model,
    currency,
    requestCount: rowCount,
    amount: (amounts[0] ?? new Big(0)).toFixed(),
    unknownCount: unknownCounts[0] ?? 0,
  }))
}

const hourMs = 3_600_000
/** Longest span of time that is shown by the hour, and by the day. */
const hourlyMs = 4 * 24 * hourMs
const dailyMs = listedSpans * 24 * hourMs

/** Requests by hour, day or month, whichever gives some dozen spans. */
function requestsOver(file: WorkFile): AuditReport['requestsOver'] {
  const [{ first = 0, last = 0 } = {}] = file.all(
    'SELECT min(at) AS first, max(at) AS last FROM requests WHERE at BETWEEN 0 AND 253402300799999',
  )
  const lengthMs = Number(last) - Number(first)
  const unit = lengthMs <= hourlyMs ? 'hour' : lengthMs <= dailyMs ? 'day' : 'month'
  const form = { hour: '%Y-%m-%dT%H:00:00Z', day: '%Y-%m-%dT00:00:00Z', month: '%Y-%m-01T00:00:00Z' }[unit]
  const spans = file.all(
    `SELECT strftime('${form}', at / 1000, 'unixepoch') AS span, count(*) AS count FROM requests
     WHERE at BETWEEN 0 AND 253402300799999 GROUP BY span ORDER BY span DESC LIMIT ${listedSpans}`,
  )
  const listed = spans.map(({ span, count }) => ({ from: String(span), count: Number(count) })).reverse()
  const total = Number(file.all('SELECT count(*) AS count FROM requests')[0]?.['count'] ?? 0)
  return { unit, spans: listed, elsewhereCount: total - listed.reduce((sum, { count }) => sum + count, 0) }
}
