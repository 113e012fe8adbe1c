import Table from 'cli-table3'
import { answerText } from '../../src/cli/format-record.ts'
import type { ModelCompletion, Usage } from '../../src/contract/types.ts'
import { tokenTotals } from '../../src/pricing/token-totals.ts'
import type { QuickstartResult } from './send-examples.ts'

/** What the other columns take, and the least that is left for the answer. */
const otherColumnsWidth = 136
const minAnswerWidth = 32

/** The table that the quickstart ends with. */
export function resultTable(results: readonly QuickstartResult[]): string {
  const width = Math.max(minAnswerWidth, (process.stdout.columns ?? 160) - otherColumnsWidth)
  const table = new Table({
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    head: ['type', 'model', 'provider', 'status', 'tokens', 'cost', 'latency', 'answered by', 'what came back'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [null, null, null, null, null, null, null, null, width],
  })
  for (const { of, completion } of results) {
    table.push([
      of.requestType,
      completion?.providerModel ?? of.endpoint.model,
      completion?.provider ?? '–',
      completion?.status ?? 'NO ANSWER',
      tokens(completion?.usage ?? null),
      cost(completion),
      latency(completion),
      of.endpoint.source === 'double' ? 'a double' : `real (${of.endpoint.source})`,
      completion === null ? '' : firstWords(answerText(completion), 2 * (width - 2)),
    ])
  }
  return table.toString()
}

function tokens(usage: Usage | null): string {
  if (usage === null) return '–'
  const { input, output } = tokenTotals(usage)
  if (input + output > 0) return `${input} in, ${output} out`
  return usage.audioSeconds === null ? '–' : `${usage.audioSeconds.toFixed(1)} s audio`
}

function cost(completion: ModelCompletion | null): string {
  if (completion === null) return '–'
  const { amount, currency, unknownReason } = completion.cost
  return amount === null ? `unknown (${unknownReason})` : `${trimmed(amount)} ${currency}`
}

function latency(completion: ModelCompletion | null): string {
  const { queuedAt, finishedAt } = completion?.timings ?? { queuedAt: null, finishedAt: null }
  return queuedAt === null || finishedAt === null ? '–' : `${finishedAt - queuedAt} ms`
}

function firstWords(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}

/** Decimal digits up to the last that counts; never rounded. */
function trimmed(amount: string): string {
  return amount.includes('.') ? amount.replace(/\.?0+$/, '') : amount
}
