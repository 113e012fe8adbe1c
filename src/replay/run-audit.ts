/**
 * An audit, from the topics to the report. Its steps leave their work in the work file, so that one that was killed goes on where it
 * was: reading at the next record, the rest at the step that was under way.
 */
import { runAuditChecks } from './audit-checks.ts'
import { auditDigest } from './audit-digest.ts'
import type { AuditReport, Finding, FindingGroup, NotChecked } from './audit-report.ts'
import { summarize } from './audit-summary.ts'
import { type AuditReading, readAuditedTopics, type StoredBounds } from './audit-topics.ts'
import { collectAccounts } from './collect-accounts.ts'
import { type FindingKind, findingKinds } from './finding-kinds.ts'
import type { AccountReader } from './replay-ports.ts'
import { restored } from './stored-positions.ts'
import type { WorkFile } from './work-file.ts'
import { accountIndexes, recordIndexes } from './work-tables.ts'

/** Steps of an audit that take their time. */
export type AuditStep = 'requests' | 'results' | 'accounts' | 'checks'

/** What {@link runAudit} works with. */
export interface AuditOptions extends Omit<AuditReading, 'onProgress'> {
  /** The database; null without it. */
  accounts: AccountReader | null
  /** Why there is none. */
  whyNoAccounts: string
  /** How long the ledger and the request log are kept, in days; 0 for ever. */
  ledgerRetentionDays: number
  logRetentionDays: number
  /** The range in words, for the report. */
  words: Omit<AuditReport['range'], 'requestTopics'>
  /** Examples of each kind at most. */
  exampleCount: number
  /** Unix ms. */
  now(): number
  /** `total` is null where it is not known. */
  onProgress(step: AuditStep, progress: { done: number; total: number | null }): void
}

/**
 * Runs an audit.
 * @throws CANCELLED when the signal ends it; what was read is in the work file
 * @throws WORK_FILE_UNUSABLE, and what the topics and the database throw
 */
export async function runAudit(options: AuditOptions): Promise<AuditReport> {
  const { file, accounts, onProgress } = options
  const times = await file.once('times', async () => {
    const auditedAt = options.now()
    return { auditedAt, snapshotAt: accounts === null ? auditedAt : await accounts.now() }
  })
  if (file.noted('checked') !== true) {
    await readAuditedTopics({ ...options, onProgress })
    file.transaction(() => {
      if (!options.range.isWhole) leaveOthersOut(file)
      for (const statement of recordIndexes) file.run(statement)
    })
    if (accounts !== null) {
      await collectAccounts({
        ...options,
        accounts,
        onProgress: (done) => onProgress('accounts', { done, total: null }),
      })
      for (const statement of accountIndexes) file.run(statement)
    }
    onProgress('checks', { done: 0, total: null })
    await noteHorizon(options, times)
    runAuditChecks(file, { hasAccounts: accounts !== null })
  }
  return report(options, times.auditedAt)
}

/** Results of other requests came along where a range was asked for: their topics know nothing of it. */
function leaveOthersOut(file: WorkFile): void {
  file.run('CREATE INDEX IF NOT EXISTS requests_key ON requests (key)')
  const isAsked = 'key IN (SELECT key FROM requests WHERE is_readable)'
  // Faults that were found while reading go with their records.
  file.run(`DELETE FROM findings WHERE (topic, partition, record_offset) IN (
    SELECT topic, partition, record_offset FROM completions WHERE NOT in_range AND NOT ${isAsked})`)
  file.run(`DELETE FROM attempts WHERE key NOT IN (SELECT key FROM completions WHERE in_range OR ${isAsked})`)
  file.run(`DELETE FROM completions WHERE NOT in_range AND NOT ${isAsked}`)
  const isKnown = 'key IN (SELECT key FROM requests WHERE is_readable UNION ALL SELECT key FROM completions)'
  file.run(`DELETE FROM findings WHERE (topic, partition, record_offset) IN (
    SELECT topic, partition, record_offset FROM events WHERE NOT ${isKnown})`)
  file.run(`DELETE FROM events WHERE NOT ${isKnown}`)
  file.run(`DELETE FROM dead_letters WHERE NOT EXISTS (SELECT 1 FROM requests r
    WHERE r.topic = source_topic AND r.partition = source_partition AND r.record_offset = source_offset)`)
}

const dayMs = 86_400_000

/** Writes down from when on what must be there. */
async function noteHorizon(options: AuditOptions, times: { auditedAt: number; snapshotAt: number }): Promise<void> {
  const { file, topics, range, accounts, ledgerRetentionDays, logRetentionDays } = options
  const bounds = file.noted<StoredBounds>('bounds')
  const keptFrom = (names: readonly string[]): number =>
    bounds === undefined ? 0 : Math.max(0, ...names.map((name) => retainedFrom(name, bounds, file, times.auditedAt)))
  // Partitions of the log go by whole days; the day more is for what goes while the audit runs.
  const today = Math.floor(times.snapshotAt / dayMs) * dayMs
  const since = (days: number): number => (days === 0 ? 0 : today - (days - 1) * dayMs)
  const registryVersion = accounts === null ? null : await accounts.registryVersion()
  file.transaction(() => {
    file.run('DELETE FROM horizon')
    file.run('DELETE FROM finished')
    file.insert({
      table: 'horizon',
      row: {
        is_whole: range.isWhole ? 1 : 0,
        audited_at: times.auditedAt,
        snapshot_at: times.snapshotAt,
        completions_from: keptFrom([topics.completions]),
        events_from: keptFrom([topics.performance]),
        dead_letters_from: keptFrom([topics.deadLetters]),
        log_from: since(logRetentionDays),
        ledger_from: since(ledgerRetentionDays),
        registry_version: registryVersion,
      },
    })
    for (const [name, partitions] of bounds?.finished ?? []) {
      const topic = Number(file.all('SELECT id FROM topics WHERE name = ?', name)[0]?.['id'] ?? 0)
      for (const [partition, offset] of partitions) {
        file.insert({ table: 'finished', row: { topic, partition, record_offset: offset } })
      }
    }
  })
}

/** The time of the oldest record that a topic still has, where it has lost some; 0 where it has all. */
function retainedFrom(name: string, bounds: StoredBounds, file: WorkFile, auditedAt: number): number {
  const [first, from] = [restored(bounds.first).get(name), restored(bounds.from).get(name)]
  const times = [...(first ?? [])].map(([partition, offset]) => {
    if (offset === 0 || from?.get(partition) !== offset) return 0
    const [row] = file.all(
      'SELECT at FROM first_records JOIN topics t ON t.id = topic WHERE t.name = ? AND partition = ?',
      ...[name, partition],
    )
    // Not one record left: whatever was there is gone.
    return row === undefined ? auditedAt : Number(row['at'])
  })
  return Math.max(0, ...times)
}

function report(options: AuditOptions, auditedAt: number): AuditReport {
  const { file, topics, accounts, words } = options
  const findings = findingGroups(options)
  return {
    clean: findings.length === 0,
    digest: auditDigest(file),
    auditedAt: new Date(auditedAt).toISOString(),
    range: { requestTopics: topics.requests.map(({ name }) => name), ...words },
    ...summarize(file, { hasAccounts: accounts !== null }),
    findings,
    notChecked: notChecked(options),
  }
}

function findingGroups({ file, exampleCount }: AuditOptions): FindingGroup[] {
  const counts = new Map(
    file
      .all('SELECT kind, count(*) AS count FROM findings GROUP BY kind')
      .map((row) => [row['kind'], Number(row['count'])]),
  )
  return (Object.keys(findingKinds) as FindingKind[])
    .filter((kind) => counts.has(kind))
    .map((kind) => {
      const rows = file.all(
        `SELECT f.tenant, f.request_id, t.name AS topic, f.partition, f.record_offset, f.detail
         FROM findings f LEFT JOIN topics t ON t.id = f.topic WHERE f.kind = ?
         ORDER BY f.tenant, f.request_id, t.name, f.partition, f.record_offset, f.detail LIMIT ?`,
        ...[kind, exampleCount],
      )
      const examples = rows.map(
        (row): Finding => ({
          tenant: textOf(row['tenant']),
          requestId: textOf(row['request_id']),
          place:
            row['record_offset'] === null
              ? null
              : {
                  topic: String(row['topic']),
                  partition: Number(row['partition']),
                  offset: Number(row['record_offset']),
                },
          detail: textOf(row['detail']),
        }),
      )
      return { kind, title: findingKinds[kind], count: counts.get(kind) ?? 0, examples }
    })
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** What a clean report does not speak of. */
function notChecked({ file, accounts, whyNoAccounts }: AuditOptions): NotChecked[] {
  const count = (query: string): number => Number(file.all(query)[0]?.['count'] ?? 0)
  const found: NotChecked[] = []
  const add = (what: string, why: string, query: string): void => {
    const affected = count(`SELECT count(*) AS count FROM ${query}`)
    if (affected > 0) found.push({ what, why, count: affected })
  }
  if (accounts === null) {
    found.push({
      what: 'whether the ledger and the request log say the same, and whether answers are as they were stored',
      why: whyNoAccounts,
      count: null,
    })
  } else {
    add(
      'whether the answer is the one that was stored',
      'the request log keeps neither its body nor a hash of it, or its answer was left out for its size',
      `completions c WHERE c.is_short OR NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.completion IS NOT NULL)`,
    )
    add(
      'whether the request log has the same',
      'the row is older than the log is kept',
      'completions c JOIN horizon h WHERE c.in_range AND c.finished_at < h.log_from AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key)',
    )
  }
  add(
    'whether the request is the one that was answered',
    'its record is no longer in the request topic',
    'completions c WHERE NOT EXISTS (SELECT 1 FROM requests r WHERE r.topic = c.source_topic AND r.partition = c.source_partition AND r.record_offset = c.source_offset)',
  )
  add(
    'whether the request is the one that was answered',
    'its terminal record has no payload hash of this version',
    'completions WHERE hash IS NULL',
  )
  add(
    'whether each attempt has its event',
    'the performance topic no longer goes so far back',
    'completions c JOIN horizon h WHERE c.at < h.events_from',
  )
  return found
}
