import type { AuditReport } from '../../src/replay/audit-report.ts'
import { auditOf } from './audit-of.ts'
import { makeWorld, recordsOf, rewriteCompletion, takeOut } from './replay-world.ts'

/** A report as of a working day, with findings: for looking at pages. The findings are real, the figures are set. */
export async function sampleAuditReport(): Promise<AuditReport> {
  const world = makeWorld(60)
  takeOut(world, world.topics.completions, 40)
  takeOut(world, world.topics.performance, 30)
  takeOut(world, world.topics.performance, 20)
  rewriteCompletion(world, 1, ({ cost }) => ({ cost: { ...cost, amount: '0.5' } }))
  rewriteCompletion(world, 2, ({ chat }) => ({ chat: chat && { ...chat, text: 'Another.' } }))
  recordsOf(world, world.topics.performance).splice(50, 2)
  const report = await auditOf(world)
  const load = [
    210, 180, 140, 120, 160, 420, 1_250, 2_980, 4_410, 5_020, 4_870, 3_900, 4_300, 5_230, 5_410, 4_980, 4_120, 2_760,
    1_640, 1_110, 820, 610, 420, 300,
  ]
  const total = load.reduce((sum, count) => sum + count, 0)
  const cost = (model: string, requestCount: number, amount: string, unknownCount = 0) => ({
    model,
    currency: 'USD',
    requestCount,
    amount,
    unknownCount,
  })
  return {
    ...report,
    range: { ...report.range, from: '2026-05-30T00:00:00.000Z', to: '2026-05-31T00:00:00.000Z' },
    counts: {
      ...report.counts,
      requests: total - 412,
      requestRecords: total,
      terminalRecords: total - 415,
      attempts: total + 1_873,
      events: 2 * total + 1_456,
      deadLetters: 97,
      inHand: 2,
    },
    byStatus: [
      { status: 'COMPLETED', count: total - 415 - 1_312 },
      { status: 'FAILED', count: 903 },
      { status: 'EXPIRED', count: 241 },
      { status: 'REJECTED', count: 97 },
      { status: 'CANCELLED', count: 71 },
    ],
    costByModel: [
      cost('claude-sonnet-4-6', 12_480, '187.204118500000'.replace(/0+$/, '')),
      cost('gpt-5-mini', 31_067, '64.918204250001', 12),
      cost('gemini-2.5-pro', 4_210, '41.7702'),
      cost('house-model', 9_834, '12.480003120015'),
      cost('text-embedding-3-small', 5_117, '0.204118', 3),
    ],
    requestsOver: {
      unit: 'hour',
      spans: load.map((count, hour) => ({ from: `2026-05-30T${String(hour).padStart(2, '0')}:00:00Z`, count })),
      elsewhereCount: 0,
    },
    notChecked: [
      {
        what: 'whether the answer is the one that was stored',
        why: 'the request log keeps neither its body nor a hash of it, or its answer was left out for its size',
        count: 4,
      },
    ],
  }
}
