import type { Page, PageBar, PageTable } from '../page/page.ts'
import type { RerunComparison, RerunRow, RerunSide } from './compare-runs.ts'
import { totalRows } from './print-comparison.ts'

/** Requests that the page shows; all of them are in `--csv` and `--json`. */
const shownRowCount = 500

/** What the page is about. */
export interface RerunPageFacts {
  runId: string
  /** Model or route. */
  target: string
  shadowTopic: string
  /** What the run has cost so far, in USD. */
  spent: string
}

/** The comparison as a page: both sides of the totals, then the requests that came to something else. Pure. */
export function rerunPage(comparison: RerunComparison, { runId, target, shadowTopic, spent }: RerunPageFacts): Page {
  const { rows, comparedCount, answeredTwiceCount, sameAnswerCount, original, rerun } = comparison
  const different = rows.filter((row) => row.original !== null && row.rerun !== null && row.isSameAnswer !== true)
  const isWhole = comparedCount === rows.length
  return {
    title: `Rerun with ${target}`,
    subtitle: `${rows.length} requests that were answered before, called again for ${target}.`,
    verdict: {
      isGood: isWhole,
      text: isWhole ? 'Every request has both outcomes' : `${rows.length - comparedCount} requests lack an outcome`,
    },
    tiles: [
      { label: 'Compared', value: String(comparedCount) },
      { label: 'Same answers', value: `${sameAnswerCount} of ${answeredTwiceCount}` },
      { label: 'Spent, USD', value: spent },
    ],
    facts: [
      { label: 'Run', text: runId },
      { label: 'Shadow topic', text: shadowTopic },
    ],
    sections: [
      {
        heading: 'Both sides',
        lead: 'Totals of the requests that have both outcomes. Latencies were measured under different loads.',
        chart: null,
        table: {
          caption: 'Totals',
          columns: [
            { heading: 'What' },
            { heading: 'Original', isNumber: true },
            { heading: target, isNumber: true },
            { heading: 'Change', isNumber: true },
          ],
          rows: totalRows(original, rerun),
          empty: 'There is nothing to compare.',
        },
      },
      latencySection(comparison, target),
      {
        heading: 'Other outcomes',
        lead: different.length > shownRowCount ? `The first ${shownRowCount} of ${different.length}.` : null,
        chart: null,
        table: rowTable(different.slice(0, shownRowCount)),
      },
    ],
    footer: ['Answers are the same when their texts, tool calls, vectors or pictures are; ids do not count.'],
  }
}

function latencySection({ original, rerun }: RerunComparison, target: string): Page['sections'][number] {
  const figures: [string, number | null, PageBar['tone']][] = [
    ['original, half within', original.p50Ms, 'muted'],
    [`${target}, half within`, rerun.p50Ms, 'plain'],
    ['original, 95 % within', original.p95Ms, 'muted'],
    [`${target}, 95 % within`, rerun.p95Ms, 'plain'],
  ]
  const known = figures.flatMap(([label, value, tone]) => (value === null ? [] : [{ label, value, tone }]))
  return {
    heading: 'Latency',
    lead: 'From the claim to the end.',
    chart: { kind: 'bars', bars: known.map((bar) => ({ ...bar, text: `${bar.value} ms` })) },
    table: {
      caption: 'Latency in ms',
      columns: [{ heading: 'Of' }, { heading: 'ms', isNumber: true }],
      rows: known.map(({ label, value }) => [label, String(value)]),
      empty: 'No latency is known.',
    },
  }
}

function rowTable(rows: readonly RerunRow[]): PageTable {
  return {
    caption: 'Requests whose answers differ, or of which one has none',
    columns: [
      { heading: 'Request', isCode: true },
      { heading: 'Status' },
      { heading: 'ms', isNumber: true },
      { heading: 'Cost', isNumber: true },
      { heading: 'Original answer' },
      { heading: 'Rerun answer' },
    ],
    rows: rows.map(({ tenant, requestId, original, rerun }) => {
      const both = (text: (side: RerunSide) => string): string =>
        [original, rerun].map((side) => (side === null ? '?' : text(side))).join(' → ')
      return [
        `${tenant}/${requestId}`,
        both(({ status }) => status),
        both(({ tookMs }) => String(tookMs ?? '?')),
        both(({ cost }) => cost ?? '?'),
        original?.answer ?? '',
        rerun?.answer ?? '',
      ]
    }),
    empty: 'All answers are the same.',
  }
}
