/** Reads what the database says of the requests in the work file into it: rows of the request log, rows of the ledger. */
import { ModelServiceError } from '../errors/model-service-error.ts'
import type { TopicPositions } from '../events/topic-reader.ts'
import { logFacts } from './record-facts.ts'
import { requestKey, shownText } from './record-hashes.ts'
import type { AccountReader, LogCursor, LogRow } from './replay-ports.ts'
import type { Fact, WorkFile } from './work-file.ts'

/** What {@link collectAccounts} works with. */
export interface AccountCollection {
  file: WorkFile
  accounts: AccountReader
  /** Which request records are audited; rows of others are left out, unless all are. */
  range: { isWhole: boolean; from: TopicPositions; until: TopicPositions }
  signal: AbortSignal
  onProgress(rowCount: number): void
}

/** Clocks of workers and producers differ: rows of the log are read from so long before the first request, in ms. */
const clockMarginMs = 600_000
const batchCount = 2_000

/** Reads the rows that the file has not got yet. @throws CANCELLED, DATABASE_UNAVAILABLE, DATABASE_VERSION, WORK_FILE_UNUSABLE */
export async function collectAccounts(collection: AccountCollection): Promise<void> {
  await collectLog(collection)
  await collectLedger(collection)
}

async function collectLog({ file, accounts, range, signal, onProgress }: AccountCollection): Promise<void> {
  const earliest = file.all('SELECT min(at) AS at FROM requests')[0]?.['at']
  const sinceMs = range.isWhole || typeof earliest !== 'number' ? 0 : Math.max(earliest - clockMarginMs, 0)
  let { cursor, done } = file.noted<{ cursor: LogCursor | null; done: boolean }>('log') ?? { cursor: null, done: false }
  let rowCount = 0
  while (!done) {
    stopIf(signal)
    const rows = await accounts.logRows(cursor, sinceMs)
    const last = rows.at(-1)
    done = last === undefined
    if (last !== undefined) cursor = { tenant: last.tenant, requestId: last.requestId, finishedAt: last.finishedAt }
    file.transaction(() => {
      for (const row of rows) if (isOfRange(row.logged.source, range)) file.insert(logFact(row))
      file.note('log', { cursor, done })
    })
    rowCount += rows.length
    onProgress(rowCount)
  }
}

function isOfRange(source: LogRow['logged']['source'], { isWhole, from, until }: AccountCollection['range']): boolean {
  if (isWhole) return true
  if (source === null) return false
  const begin = from.get(source.topic)?.get(source.partition) ?? Number.POSITIVE_INFINITY
  return source.offset >= begin && source.offset < (until.get(source.topic)?.get(source.partition) ?? 0)
}

function logFact({ tenant, requestId, finishedAt, cost, logged, requestBody, completionBody }: LogRow): Fact {
  return {
    table: 'log_rows',
    row: {
      key: requestKey(tenant, requestId),
      tenant: shownText(tenant),
      request_id: shownText(requestId),
      finished_at: finishedAt,
      cost,
      facts: logFacts(logged),
      request: requestBody,
      completion: completionBody,
    },
  }
}

/** Requests of the range, and terminal records of it whose requests are no longer on their topic; by key, some at a time. */
const nextKeys = `
  SELECT key, tenant, request_id FROM (
    SELECT key, tenant, request_id FROM requests WHERE key > ?1
    UNION ALL SELECT key, tenant, request_id FROM completions WHERE key > ?1 AND in_range
  ) GROUP BY key ORDER BY key LIMIT ${batchCount}`

async function collectLedger({ file, accounts, range, signal, onProgress }: AccountCollection): Promise<void> {
  let { after, done } = file.noted<{ after: string; done: boolean }>('ledger') ?? { after: '', done: false }
  let rowCount = 0
  while (!done) {
    stopIf(signal)
    const keys = file.all(nextKeys, Buffer.from(after, 'hex'))
    const last = keys.at(-1)?.['key']
    done = !(last instanceof Uint8Array)
    if (last instanceof Uint8Array) after = Buffer.from(last).toString('hex')
    const wanted = keys.map((row) => ({ tenant: String(row['tenant']), requestId: String(row['request_id']) }))
    const rows = wanted.length === 0 ? [] : await accounts.ledgerRows(wanted)
    file.transaction(() => {
      for (const { tenant, requestId, state, status, token, payloadHash, source, updatedAt } of rows) {
        const key = requestKey(tenant, requestId)
        const is_of_range = isOfRange(source, range) ? 1 : 0
        const row = { key, state, status, token, hash: payloadHash, is_of_range, updated_at: updatedAt }
        file.insert({ table: 'ledger_rows', row })
      }
      file.note('ledger', { after, done })
    })
    rowCount += rows.length
    onProgress(rowCount)
  }
}

function stopIf(signal: AbortSignal): void {
  if (signal.aborted) throw new ModelServiceError('CANCELLED', 'The replay was stopped before its end.')
}
