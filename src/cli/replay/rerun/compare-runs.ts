/** The side-by-side account of a rerun: what each request came to then and now. Pure. */
import { hash } from 'node:crypto'
import Big from 'big.js'
import type { MediaRef, ModelCompletion } from '../../../contract/types.ts'
import type { RequestKey } from '../../../delivery/request-key.ts'
import { formatAmount } from '../../../pricing/amount.ts'
import { tokenTotals } from '../../../pricing/token-totals.ts'
import { answerText } from '../../format-record.ts'
import { percentile } from '../../percentile.ts'

/** What a request came to, once. */
export interface RerunSide {
  status: ModelCompletion['status']
  errorCode: string | null
  model: string | null
  provider: string | null
  /** From the claim to the end, in ms. */
  tookMs: number | null
  inputTokens: number | null
  outputTokens: number | null
  /** Decimal text; null when it is not known. */
  cost: string | null
  currency: string
  /** The beginning of the answer, or of its error, for people. */
  answer: string
  /** SHA-256 of the whole answer, by which answers are compared; null without an answer. */
  answerHash: string | null
}

/** A request on both sides. */
export interface RerunRow extends RequestKey {
  /** Its id in the run. */
  rerunId: string
  /** Null when it never had a terminal record, or no longer has. */
  original: RerunSide | null
  /** Null when it was not called again, or not yet. */
  rerun: RerunSide | null
  /** Null unless both have an answer. */
  isSameAnswer: boolean | null
}

/** One side of all requests that have both. */
export interface SideTotals {
  statusCounts: Record<string, number>
  p50Ms: number | null
  p95Ms: number | null
  inputTokens: number
  outputTokens: number
  /** Known costs by currency, as decimal text. */
  costs: Record<string, string>
  unknownCostCount: number
}

/** The account. */
export interface RerunComparison {
  rows: RerunRow[]
  /** Rows with both sides: what the totals are of. */
  comparedCount: number
  /** Rows whose two answers could be compared. */
  answeredTwiceCount: number
  sameAnswerCount: number
  original: SideTotals
  rerun: SideTotals
}

const shownAnswerLength = 300

/** What a terminal record says, without holding its answer. */
export function sideOf(completion: ModelCompletion): RerunSide {
  const { status, error, model, provider, usage, cost, timings } = completion
  const { claimedAt, finishedAt } = timings
  const tokens = usage === null ? null : tokenTotals(usage)
  return {
    status,
    errorCode: error?.code ?? null,
    model,
    provider,
    tookMs: claimedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - claimedAt),
    inputTokens: tokens?.input ?? null,
    outputTokens: tokens?.output ?? null,
    cost: cost.amount,
    currency: cost.currency,
    answer: beginningOf(answerText(completion)),
    answerHash: answerHash(completion),
  }
}

/** A copy: the runtime's `slice` would keep the whole text alive behind its beginning. */
function beginningOf(text: string): string {
  return Buffer.from(text.slice(0, shownAnswerLength), 'utf16le').toString('utf16le')
}

/** Sets both sides of a request beside each other. */
export function rowOf(
  { tenant, requestId }: RequestKey,
  id: string,
  sides: { original: RerunSide | null; rerun: RerunSide | null },
): RerunRow {
  const [then, now] = [sides.original?.answerHash ?? null, sides.rerun?.answerHash ?? null]
  return { tenant, requestId, rerunId: id, ...sides, isSameAnswer: then === null || now === null ? null : then === now }
}

/** Adds the rows up. */
export function compareRuns(rows: readonly RerunRow[]): RerunComparison {
  const originals: RerunSide[] = []
  const reruns: RerunSide[] = []
  for (const { original, rerun } of rows) {
    if (original === null || rerun === null) continue
    originals.push(original)
    reruns.push(rerun)
  }
  return {
    rows: [...rows],
    comparedCount: reruns.length,
    answeredTwiceCount: rows.filter(({ isSameAnswer }) => isSameAnswer !== null).length,
    sameAnswerCount: rows.filter(({ isSameAnswer }) => isSameAnswer === true).length,
    original: totalsOf(originals),
    rerun: totalsOf(reruns),
  }
}

function totalsOf(sides: readonly RerunSide[]): SideTotals {
  const statusCounts: Record<string, number> = {}
  const costs = new Map<string, Big>()
  for (const { status, cost, currency } of sides) {
    statusCounts[status] = (statusCounts[status] ?? 0) + 1
    if (cost !== null) costs.set(currency, (costs.get(currency) ?? new Big(0)).plus(cost))
  }
  const tookMs = sides.map((side) => side.tookMs).filter((took) => took !== null)
  return {
    statusCounts,
    p50Ms: percentile(tookMs, 50),
    p95Ms: percentile(tookMs, 95),
    inputTokens: sides.reduce((total, side) => total + (side.inputTokens ?? 0), 0),
    outputTokens: sides.reduce((total, side) => total + (side.outputTokens ?? 0), 0),
    costs: Object.fromEntries([...costs].map(([currency, amount]) => [currency, formatAmount(amount)])),
    unknownCostCount: sides.filter(({ cost }) => cost === null).length,
  }
}

/** Of the answer alone: ids of tool calls and state that providers add differ each time. */
function answerHash(completion: ModelCompletion): string | null {
  const { chat, embedding, imageGeneration } = completion
  const spoken = completion.completion ?? completion.audioTranscription ?? completion.audioTranslation
  if (chat !== null) {
    const calls = chat.toolCalls.map((call) => [call.name, call.arguments])
    return digest({ text: chat.text, refusal: chat.refusal, calls })
  }
  if (spoken !== null) return digest(spoken.text)
  if (embedding !== null) return digest(embedding.vectors.map(({ index, values }) => [index, values]))
  return imageGeneration === null ? null : digest(imageGeneration.images.map(({ media }) => mediaFacts(media)))
}

function mediaFacts(media: MediaRef | null): string | null {
  if (media === null) return null
  return media.bytes === null ? (media.sha256 ?? media.url) : hash('sha256', media.bytes, 'hex')
}

function digest(answer: unknown): string {
  return hash('sha256', JSON.stringify(answer), 'hex')
}
