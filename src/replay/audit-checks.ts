/**
 * The comparing half of an audit, as SQL over the work file: each check is a query whose rows are findings. What can be seen in one
 * record alone is found while reading (completion-checks.ts).
 *
 * Nothing is expected that retention may have taken: the times of the `horizon` say from when on it must be there.
 */
import type { FindingKind } from './finding-kinds.ts'
import type { WorkFile } from './work-file.ts'
import { resultIndexes } from './work-tables.ts'

/** One comparison. */
export interface AuditCheck {
  kind: FindingKind
  /** Whether it needs the rows of the database. */
  needsAccounts: boolean
  /** Gives tenant, request_id, topic, partition, record_offset, detail of each finding. */
  query: string
}

/** A dead letter of the very record `alias`. */
const deadLetterOf = (alias: string, columns = ['topic', 'partition', 'record_offset']): string => {
  const [topic, partition, offset] = columns.map((column) => `${alias}.${column}`)
  return `EXISTS (SELECT 1 FROM dead_letters d WHERE d.source_topic = ${topic} AND d.source_partition = ${partition} AND d.source_offset = ${offset})`
}

/** Whether workers had not finished the record `alias` when the audit looked. */
const isUnfinished = (alias: string): string =>
  `EXISTS (SELECT 1 FROM finished f WHERE f.topic = ${alias}.topic AND f.partition = ${alias}.partition AND ${alias}.record_offset >= f.record_offset)`

/**
 * How requests stand that have no terminal record. In hand: claimed, settled or to be tried again, published after the look, waiting in a
 * retry topic, or not read yet. `answered-before`: a repeated send whose first record lies before the range.
 */
const judgeUnanswered = `
  INSERT INTO unanswered (key, tenant, request_id, topic, partition, record_offset, standing, is_stuck)
  SELECT r.key, r.tenant, r.request_id, r.topic, r.partition, r.record_offset,
         CASE
           WHEN l.state = 'PUBLISHED' AND l.updated_at >= h.snapshot_at THEN 'in-hand'
           WHEN l.state = 'PUBLISHED' AND NOT l.is_of_range THEN 'answered-before'
           WHEN l.state IN ('CLAIMED', 'SETTLED', 'RETRYING') THEN 'in-hand'
           WHEN l.state IS NULL AND g.is_unfinished THEN 'in-hand'
           WHEN l.state IS NULL AND EXISTS (
             SELECT 1 FROM retries t WHERE t.key = r.key AND t.not_before >= h.audited_at - 3600000) THEN 'in-hand'
           WHEN r.at < h.completions_from THEN 'expired'
           ELSE 'missing'
         END,
         l.state IN ('CLAIMED', 'SETTLED', 'RETRYING') AND l.updated_at < h.snapshot_at - 3600000
  FROM (SELECT min(q.rowid) AS first, min(${isUnfinished('q')}) AS is_unfinished
        FROM requests q
        WHERE q.is_readable AND NOT EXISTS (SELECT 1 FROM completions c WHERE c.key = q.key) AND NOT ${deadLetterOf('q')}
        GROUP BY q.key) g
  JOIN requests r ON r.rowid = g.first JOIN horizon h LEFT JOIN ledger_rows l ON l.key = r.key`

/** All comparisons, in the order of docs/audit.md. */
export const auditChecks: readonly AuditCheck[] = [
  topics(
    'missing',
    `
    SELECT tenant, request_id, topic, partition, record_offset, NULL AS detail FROM unanswered WHERE standing = 'missing'`,
  ),
  topics(
    'doubled',
    `
    SELECT tenant, request_id, topic, partition, max(record_offset) AS record_offset, count(*) || ' terminal records' AS detail
    FROM completions GROUP BY key HAVING count(*) > 1`,
  ),
  topics(
    'record-lost',
    `
    SELECT NULL AS tenant, NULL AS request_id, r.topic, r.partition, r.record_offset, NULL AS detail
    FROM requests r JOIN horizon h
    WHERE NOT r.is_readable AND r.at >= h.dead_letters_from AND NOT ${deadLetterOf('r')} AND NOT ${isUnfinished('r')}`,
  ),
  topics(
    'request-altered',
    `
    SELECT c.tenant, c.request_id, r.topic, r.partition, r.record_offset,
           CASE WHEN NOT r.is_readable THEN 'the record at its place cannot be read'
                WHEN r.key <> c.key THEN 'the record at its place is another request'
                ELSE 'its content has another hash' END AS detail
    FROM completions c JOIN requests r
      ON r.topic = c.source_topic AND r.partition = c.source_partition AND r.record_offset = c.source_offset
    WHERE r.key IS NOT c.key OR (c.hash IS NOT NULL AND r.hash <> c.hash)`,
  ),
  topics(
    'duplicate-served',
    `
    SELECT r.tenant, r.request_id, r.topic, r.partition, r.record_offset, 'another content under the same id' AS detail
    FROM requests r JOIN horizon h
    WHERE r.is_readable AND r.at >= h.dead_letters_from AND NOT ${deadLetterOf('r')} AND NOT ${isUnfinished('r')}
      AND EXISTS (SELECT 1 FROM completions c WHERE c.key = r.key)
      AND NOT EXISTS (SELECT 1 FROM completions c WHERE c.key = r.key AND (c.hash IS NULL OR c.hash = r.hash
        OR (c.source_topic IS r.topic AND c.source_partition IS r.partition AND c.source_offset IS r.record_offset)))`,
  ),
  topics(
    'dead-letter-altered',
    `
    SELECT r.tenant, r.request_id, d.topic, d.partition, d.record_offset, 'its source has other bytes' AS detail
    FROM dead_letters d JOIN requests r
      ON r.topic = d.source_topic AND r.partition = d.source_partition AND r.record_offset = d.source_offset
    WHERE d.value IS NOT NULL AND d.value IS NOT r.value`,
  ),
  topics(
    'rejected-unseen',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, NULL AS detail
    FROM completions c JOIN horizon h
    WHERE c.status = 'REJECTED' AND c.source_topic IS NOT NULL AND c.at >= h.dead_letters_from
      AND NOT ${deadLetterOf('c', ['source_topic', 'source_partition', 'source_offset'])}
      AND NOT EXISTS (SELECT 1 FROM retries t WHERE t.key = c.key AND ${deadLetterOf('t')})`,
  ),
  topics(
    'event-missing',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, 'attempt ' || a.number AS detail
    FROM attempts a JOIN completions c ON c.key = a.key JOIN horizon h
    WHERE c.at >= h.events_from AND NOT EXISTS (SELECT 1 FROM events e WHERE e.key = a.key AND e.number = a.number)
    UNION ALL
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, 'the request' AS detail
    FROM completions c JOIN horizon h
    WHERE c.at >= h.events_from AND NOT EXISTS (SELECT 1 FROM events e WHERE e.key = c.key AND e.number IS NULL)`,
  ),
  topics(
    'event-unknown',
    `
    SELECT r.tenant, r.request_id, e.topic, e.partition, e.record_offset,
           coalesce('attempt ' || e.number, 'the request') AS detail
    FROM events e JOIN horizon h LEFT JOIN requests r ON r.rowid = (SELECT min(rowid) FROM requests WHERE key = e.key)
    WHERE e.at >= h.completions_from
      AND CASE WHEN e.number IS NULL THEN NOT EXISTS (SELECT 1 FROM completions c WHERE c.key = e.key)
               ELSE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.key = e.key AND a.number = e.number) END
      AND NOT EXISTS (SELECT 1 FROM unanswered u WHERE u.key = e.key)`,
  ),
  topics(
    'event-doubled',
    `
    SELECT c.tenant, c.request_id, e.topic, e.partition, e.record_offset,
           e.count || ' events of ' || coalesce('attempt ' || e.number, 'the request') AS detail
    FROM (SELECT key, number, topic, partition, max(record_offset) AS record_offset, count(*) AS count
          FROM events GROUP BY key, number HAVING count(*) > 1) e
    LEFT JOIN completions c ON c.rowid = (SELECT min(rowid) FROM completions WHERE key = e.key)`,
  ),
  topics(
    'event-cost',
    `
    SELECT c.tenant, c.request_id, e.topic, e.partition, e.record_offset,
           'attempt ' || e.number || ': ' || coalesce(e.cost, 'unknown') || ', the terminal record says ' || coalesce(a.cost, 'unknown') AS detail
    FROM events e JOIN completions c ON c.key = e.key JOIN attempts a ON a.key = e.key AND a.number = e.number
    WHERE a.cost IS NOT e.cost
    UNION ALL
    SELECT c.tenant, c.request_id, e.topic, e.partition, e.record_offset,
           'the request: ' || coalesce(e.cost, 'unknown') || ', the terminal record says ' || coalesce(c.cost, 'unknown') AS detail
    FROM events e JOIN completions c ON c.key = e.key
    WHERE e.number IS NULL AND c.cost IS NOT e.cost`,
  ),
  topics(
    'event-differs',
    `
    SELECT c.tenant, c.request_id, e.topic, e.partition, e.record_offset, 'attempt ' || e.number AS detail
    FROM events e JOIN completions c ON c.key = e.key JOIN attempts a ON a.key = e.key AND a.number = e.number
    WHERE a.facts <> e.facts
    UNION ALL
    SELECT c.tenant, c.request_id, e.topic, e.partition, e.record_offset, 'the request' AS detail
    FROM events e JOIN completions c ON c.key = e.key
    WHERE e.number IS NULL AND c.event_facts <> e.facts`,
  ),
  accounts(
    'answer-altered',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, NULL AS detail
    FROM completions c
    WHERE NOT c.is_short AND EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.completion IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.completion = c.value)`,
  ),
  accounts(
    'request-altered',
    `
    SELECT c.tenant, c.request_id, r.topic, r.partition, r.record_offset, 'its bytes are not those that were stored' AS detail
    FROM completions c JOIN requests r
      ON r.topic = c.source_topic AND r.partition = c.source_partition AND r.record_offset = c.source_offset
    WHERE r.key IS c.key AND (c.hash IS NULL OR r.hash = c.hash)
      AND EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.request IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND (l.request IS NULL OR l.request = r.value))`,
  ),
  accounts(
    'log-missing',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, NULL AS detail
    FROM completions c JOIN horizon h
    WHERE c.in_range AND c.finished_at >= h.log_from AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key)`,
  ),
  accounts(
    'log-unpublished',
    `
    SELECT l.tenant, l.request_id, NULL AS topic, NULL AS partition, NULL AS record_offset,
           coalesce('the ledger says ' || g.state, 'the ledger has no row') AS detail
    FROM log_rows l JOIN horizon h LEFT JOIN ledger_rows g ON g.key = l.key
    WHERE NOT EXISTS (SELECT 1 FROM completions c WHERE c.key = l.key) AND l.finished_at >= h.completions_from
      AND CASE WHEN g.state IS NULL THEN l.finished_at < h.snapshot_at - 3600000
               ELSE g.state = 'PUBLISHED' AND g.updated_at < h.snapshot_at END`,
  ),
  accounts(
    'log-cost',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset,
           'the log says ' || coalesce((SELECT min(l.cost) FROM log_rows l WHERE l.key = c.key), 'unknown')
             || ', the terminal record ' || coalesce(c.cost, 'unknown') AS detail
    FROM completions c
    WHERE EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key)
      AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.cost IS c.cost)`,
  ),
  accounts(
    'log-differs',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, NULL AS detail
    FROM completions c
    WHERE EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key)
      AND NOT EXISTS (SELECT 1 FROM log_rows l WHERE l.key = c.key AND l.facts = c.log_facts
        AND (c.finished_at IS NULL OR l.finished_at = c.finished_at))`,
  ),
  accounts(
    'ledger-missing',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset, NULL AS detail
    FROM completions c JOIN horizon h
    WHERE c.in_range AND c.finished_at >= h.ledger_from AND NOT EXISTS (SELECT 1 FROM ledger_rows l WHERE l.key = c.key)`,
  ),
  accounts(
    'ledger-differs',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset,
           CASE WHEN l.state NOT IN ('PUBLISHED', 'SETTLED') THEN 'the ledger says ' || l.state
                WHEN l.status IS NOT c.status THEN 'the ledger says ' || coalesce(l.status, 'nothing') || ', the terminal record ' || c.status
                WHEN l.token <> c.token THEN 'the ledger has token ' || l.token || ', the terminal record ' || c.token
                ELSE 'another payload hash' END AS detail
    FROM completions c JOIN ledger_rows l ON l.key = c.key
    WHERE c.in_range AND (l.state NOT IN ('PUBLISHED', 'SETTLED') OR l.status IS NOT c.status OR l.token <> c.token
      OR (c.hash IS NOT NULL AND l.hash <> c.hash))`,
  ),
  accounts(
    'registry-version',
    `
    SELECT c.tenant, c.request_id, c.topic, c.partition, c.record_offset,
           'version ' || c.registry_version || ', the registry is at ' || h.registry_version AS detail
    FROM completions c JOIN horizon h
    WHERE c.registry_version > h.registry_version`,
  ),
  accounts(
    'stuck',
    `
    SELECT tenant, request_id, topic, partition, record_offset, NULL AS detail FROM unanswered WHERE is_stuck`,
  ),
]

/** Runs all checks that can be run, and notes their findings in the file: all or nothing, so that a run that was killed begins them anew. */
export function runAuditChecks(file: WorkFile, { hasAccounts }: { hasAccounts: boolean }): void {
  file.transaction(() => {
    file.run(judgeUnanswered)
    for (const statement of resultIndexes) file.run(statement)
    for (const { kind, needsAccounts, query } of auditChecks) {
      if (needsAccounts && !hasAccounts) continue
      file.run(
        `INSERT INTO findings (kind, tenant, request_id, topic, partition, record_offset, detail)
         SELECT '${kind}', tenant, request_id, topic, partition, record_offset, detail FROM (${query})`,
      )
    }
    file.note('checked', true)
  })
}

function topics(kind: FindingKind, query: string): AuditCheck {
  return { kind, needsAccounts: false, query }
}

function accounts(kind: FindingKind, query: string): AuditCheck {
  return { kind, needsAccounts: true, query }
}
