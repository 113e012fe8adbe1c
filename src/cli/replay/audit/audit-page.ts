import { writeFileSync } from 'node:fs'
import type { AuditReport, Finding } from '../../../replay/audit-report.ts'
import { UsageError } from '../../usage-error.ts'
import type { Page, PageSection, PageTone } from '../page/page.ts'
import { renderPage } from '../page/render-page.ts'
import { costCells } from './audit-text.ts'

/** Writes the report of an audit as one page. @throws UsageError when the file cannot be written */
export function writeAuditPage(path: string, report: AuditReport): void {
  try {
    writeFileSync(path, renderPage(auditPage(report)))
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UsageError(`--html ${path} cannot be written (${reason}): expected a file in a folder that is there.`)
  }
}

/** The report of an audit as a page. Pure. */
export function auditPage(report: AuditReport): Page {
  const { range, counts, findings } = report
  const problemCount = findings.reduce((sum, { count }) => sum + count, 0)
  const partitions = range.partitions === null ? '' : `, partitions ${range.partitions.join(', ')}`
  return {
    title: 'Audit of requests',
    subtitle: `${range.requestTopics.join(', ')} from ${range.from} to ${range.to}${partitions}, looked at ${report.auditedAt}`,
    verdict: {
      isGood: report.clean,
      text: report.clean
        ? `Accounted for: nothing was found wrong${counts.inHand > 0 ? `; ${figure(counts.inHand)} requests are still in hand` : ''}`
        : `Not accounted for: ${figure(problemCount)} ${problemCount === 1 ? 'finding' : 'findings'}`,
    },
    tiles: [
      ['Requests', counts.requests],
      ['Terminal records', counts.terminalRecords],
      ['Attempts', counts.attempts],
      ['Events', counts.events],
      ['Dead letters', counts.deadLetters],
      ['Still in hand', counts.inHand],
      ['Findings', problemCount],
    ].map(([label, value]) => ({ label: String(label), value: figure(Number(value)) })),
    facts: [{ label: 'Digest (SHA-256 of all that was audited)', text: report.digest }],
    sections: [
      findingSection(report),
      statusSection(report),
      costSection(report),
      timeSection(report),
      ...exampleSections(report),
      notCheckedSection(report),
    ],
    footer: [
      'A digest is the same for the same records, however they were read: compare it with that of another run.',
      'What each check proves is said in docs/audit.md of Model Service.',
    ],
  }
}

function findingSection({ findings }: AuditReport): PageSection {
  return {
    heading: 'Findings by kind',
    lead: null,
    chart:
      findings.length === 0
        ? null
        : {
            kind: 'bars',
            bars: findings.map(({ kind, count }) => ({ label: kind, value: count, text: figure(count), tone: 'bad' })),
          },
    table: {
      caption: 'What was found wrong',
      columns: [{ heading: 'Kind', isCode: true }, { heading: 'What it is' }, { heading: 'Count', isNumber: true }],
      rows: findings.map(({ kind, title, count }) => [kind, title, figure(count)]),
      empty: 'Nothing was found wrong.',
    },
  }
}

function exampleSections({ findings }: AuditReport): PageSection[] {
  return findings
    .filter(({ examples }) => examples.length > 0)
    .map(({ kind, title, count, examples }) => ({
      heading: `Found: ${kind}`,
      lead: `${figure(count)} ${title}.`,
      chart: null,
      table: {
        caption: count > examples.length ? `The first ${examples.length} of ${figure(count)}` : 'All of them',
        columns: [{ heading: 'Request', isCode: true }, { heading: 'Record', isCode: true }, { heading: 'Found' }],
        rows: examples.map((finding) => [ownerOf(finding), placeOf(finding), finding.detail ?? '']),
        empty: '',
      },
    }))
}

function ownerOf({ tenant, requestId }: Finding): string {
  return requestId === null ? '(not known)' : `${tenant}/${requestId}`
}

function placeOf({ place }: Finding): string {
  return place === null ? '' : `${place.topic}/${place.partition}/${place.offset}`
}

const tones: Readonly<Record<string, PageTone>> = {
  COMPLETED: 'good',
  FAILED: 'bad',
  EXPIRED: 'warn',
  REJECTED: 'warn',
  CANCELLED: 'muted',
}

function statusSection({ byStatus, counts }: AuditReport): PageSection {
  const share = (count: number) => `${((100 * count) / Math.max(counts.terminalRecords, 1)).toFixed(1)} %`
  return {
    heading: 'Outcome by status',
    lead: null,
    chart: {
      kind: 'bars',
      bars: byStatus.map(({ status, count }) => ({
        label: status,
        value: count,
        text: figure(count),
        tone: tones[status] ?? 'plain',
      })),
    },
    table: {
      caption: 'Terminal records by status',
      columns: [{ heading: 'Status' }, { heading: 'Requests', isNumber: true }, { heading: 'Share', isNumber: true }],
      rows: byStatus.map(({ status, count }) => [status, figure(count), share(count)]),
      empty: 'There are no terminal records.',
    },
  }
}

function costSection({ costByModel }: AuditReport): PageSection {
  const named = costByModel.map((cost) => ({ ...cost, name: cost.model ?? '(none)' }))
  const several = new Set(named.map(({ currency }) => currency)).size > 1
  return {
    heading: 'Cost by model',
    lead: `Sums of the known amounts, exact. A request whose cost is not known is not in them.${several ? ' Bars of different currencies cannot be compared.' : ''}`,
    chart: {
      kind: 'bars',
      bars: named.slice(0, 10).map((cost) => ({
        label: cost.name,
        value: Math.max(Number(cost.amount), 0),
        text: cost.unknownCount === cost.requestCount ? 'unknown' : `${shortAmount(cost.amount)} ${cost.currency}`,
        tone: 'plain',
      })),
    },
    table: {
      caption: named.length > 10 ? 'Cost of each model; the chart has the ten dearest' : 'Cost of each model',
      columns: [
        { heading: 'Model' },
        { heading: 'Requests', isNumber: true },
        { heading: 'Cost', isNumber: true },
        { heading: 'Currency' },
        { heading: 'Unknown', isNumber: true },
      ],
      rows: named.map((cost) => [cost.name, figure(cost.requestCount), ...costCells(cost), figure(cost.unknownCount)]),
      empty: 'There are no terminal records.',
    },
  }
}

function timeSection({ requestsOver: { unit, spans, elsewhereCount } }: AuditReport): PageSection {
  const length = { hour: 16, day: 10, month: 7 }[unit]
  const short = { hour: [11, 16], day: [5, 10], month: [0, 7] }[unit] as [number, number]
  const elsewhere = elsewhereCount > 0 ? ` ${figure(elsewhereCount)} requests lie outside of what is shown.` : ''
  return {
    heading: `Requests by ${unit}`,
    lead: `By the timestamps of their records, UTC.${elsewhere}`,
    chart:
      spans.length === 0
        ? null
        : { kind: 'columns', columns: spans.map(({ from, count }) => ({ label: from.slice(...short), value: count })) },
    table: {
      caption: `Request records of each ${unit}`,
      columns: [{ heading: `From (UTC)` }, { heading: 'Requests', isNumber: true }],
      rows: spans.map(({ from, count }) => [from.slice(0, length).replace('T', ' '), figure(count)]),
      empty: 'There are no requests.',
    },
  }
}

function notCheckedSection({ notChecked }: AuditReport): PageSection {
  return {
    heading: 'Not checked',
    lead: null,
    chart: null,
    table: {
      caption: 'What this audit says nothing about',
      columns: [{ heading: 'What' }, { heading: 'Why' }, { heading: 'Records', isNumber: true }],
      rows: notChecked.map(({ what, why, count }) => [what, why, count === null ? 'all' : figure(count)]),
      empty: 'Everything was checked.',
    },
  }
}

function figure(count: number): string {
  return count.toLocaleString('en')
}

/** Enough of an amount for a bar; the table has all of it. */
function shortAmount(amount: string): string {
  const value = Number(amount)
  return value !== 0 && Math.abs(value) < 0.01 ? value.toPrecision(2) : value.toFixed(2)
}
