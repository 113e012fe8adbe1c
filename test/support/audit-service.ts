import { kafkaRecordReader, sessionDecoders } from '../../src/cli/replay/kafka-records.ts'
import type { AuditReport } from '../../src/replay/audit-report.ts'
import { postgresAccounts } from '../../src/replay/postgres-accounts.ts'
import { runAudit } from '../../src/replay/run-audit.ts'
import { openWorkFile } from '../../src/replay/work-file.ts'
import type { ServiceFixture } from './service.ts'

/** Audits all topics of a fixture together with its database. */
export async function auditService({ session, sql }: ServiceFixture): Promise<AuditReport> {
  const reader = kafkaRecordReader(session)
  const { first, next } = await reader.bounds(session.requestTopics.map(({ name }) => name))
  using file = openWorkFile({ path: ':memory:', question: 'test' })
  return await runAudit({
    file,
    topics: {
      requests: session.requestTopics,
      completions: session.topic('completions'),
      performance: session.topic('performance'),
      deadLetters: session.topic('requestsDeadLetters'),
      retries: (['retry10s', 'retry1m', 'retry10m'] as const).map((role) => session.topic(role)),
    },
    range: { isWhole: true, from: first, until: next, fromMs: null },
    reader,
    decoders: sessionDecoders(session),
    accounts: postgresAccounts(sql),
    whyNoAccounts: '',
    ledgerRetentionDays: 30,
    logRetentionDays: 30,
    words: { from: 'beginning', to: 'end', partitions: null },
    exampleCount: 20,
    now: Date.now,
    signal: AbortSignal.timeout(60_000),
    onProgress: () => {},
  })
}
