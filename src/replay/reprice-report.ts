/** What repricing came to: the shape of its JSON, read from the work file. */
import Big from 'big.js'
import type { ReportPlace } from './audit-report.ts'
import { type ModelSum, sumByModel } from './sum-by-model.ts'
import type { SqlRow, WorkFile } from './work-file.ts'

/** The costs of one model, or of all together. */
export interface RepricedModel {
  /** As the terminal record names it; the provider's name of it where another model answered. */
  model: string
  currency: string
  attemptCount: number
  /** Sums, exact, as decimal text. */
  recorded: string
  computed: string
  /** What is computed less what is recorded. */
  difference: string
}

/** An attempt whose computed cost is another than the recorded one. */
export interface CostDifference {
  tenant: string
  requestId: string
  attempt: number
  place: ReportPlace
  /** Decimal text and currency; `unknown` and the reason. */
  recorded: string
  computed: string
}

/** See the head of the file. The same for the same records, in whichever order they were read. */
export interface RepriceReport {
  /** Whether every cost that could be computed is the recorded one. */
  clean: boolean
  /** ISO 8601; null: prices of then. */
  asOf: string | null
  requestCount: number
  attemptCount: number
  /** The dearest first; at most {@link listedModels}, the rest as `(others)`. */
  byModel: RepricedModel[]
  /** By currency. */
  totals: RepricedModel[]
  /** Attempts that cost something else now, or another kind of thing; exact. */
  differenceCount: number
  /** The first of them, by place. */
  differences: CostDifference[]
  /** Attempts without a cost to compute, by reason. */
  notPriced: ReasonCount[]
  /** Attempts whose price of then cannot be computed here, by reason. */
  notReproducible: ReasonCount[]
  /** Attempts whose price was not known then and is now, and the other way round; in no sum. */
  becameKnown: number
  becameUnknown: number
  /** Records that cannot be read. */
  unreadableCount: number
}

/** Attempts of one reason; the rarest ones together as `(others)`. */
export interface ReasonCount {
  reason: string
  count: number
}

/** Models of the table. */
export const listedModels = 1_000
/** Reasons of a list. */
const listedReasons = 100

/** Reads the report from the work file of a run that has read everything. `asOf` in Unix ms. */
export function repriceReport(
  file: WorkFile,
  { asOf, exampleCount }: { asOf: number | null; exampleCount: number },
): RepriceReport {
  const count = (query: string): number => Number(file.all(`SELECT count(*) AS count FROM ${query}`)[0]?.['count'] ?? 0)
  const differenceCount = count('repriced_attempts WHERE NOT is_same')
  const sums = sumByModel(file.each(pricedAmounts), ['recorded', 'computed'], listedModels)
  return {
    clean: asOf !== null || differenceCount === 0,
    asOf: asOf === null ? null : new Date(asOf).toISOString(),
    requestCount: count('repriced_records WHERE is_readable'),
    attemptCount: count('repriced_attempts'),
    byModel: sums.map(toRow),
    totals: totalsOf(sums).map(toRow),
    differenceCount,
    differences: file.all(firstDifferences, exampleCount).map(toDifference),
    notPriced: reasonCounts(file, 'not-priced'),
    notReproducible: reasonCounts(file, 'not-reproducible'),
    becameKnown: count(`repriced_attempts WHERE kind = 'priced' AND recorded IS NULL AND computed IS NOT NULL`),
    becameUnknown: count(`repriced_attempts WHERE kind = 'priced' AND recorded IS NOT NULL AND computed IS NULL`),
    unreadableCount: count('repriced_records WHERE NOT is_readable'),
  }
}

/** In two currencies the difference would be none; each has its own row then. */
const pricedAmounts = `
  SELECT model, recorded_currency AS currency, recorded, CASE WHEN recorded_currency = computed_currency THEN computed ELSE '0' END AS computed
  FROM repriced_attempts WHERE recorded IS NOT NULL AND computed IS NOT NULL
  UNION ALL
  SELECT model, computed_currency, '0', computed
  FROM repriced_attempts WHERE recorded IS NOT NULL AND computed IS NOT NULL AND recorded_currency <> computed_currency
  ORDER BY model, currency`

const firstDifferences = `
  SELECT a.*, t.name AS topic_name FROM repriced_attempts a JOIN topics t ON t.id = a.topic
  WHERE NOT a.is_same ORDER BY t.name, a.partition, a.record_offset, a.number LIMIT ?`

function toDifference(row: SqlRow): CostDifference {
  return {
    tenant: String(row['tenant']),
    requestId: String(row['request_id']),
    attempt: Number(row['number']),
    place: {
      topic: String(row['topic_name']),
      partition: Number(row['partition']),
      offset: Number(row['record_offset']),
    },
    recorded: amountText(row['recorded'], row['recorded_currency'], row['recorded_reason']),
    computed: amountText(row['computed'], row['computed_currency'], row['computed_reason']),
  }
}

function amountText(amount: unknown, currency: unknown, unknownReason: unknown): string {
  return amount === null ? `unknown (${unknownReason ?? ''})` : `${amount} ${currency}`
}

function totalsOf(sums: readonly ModelSum[]): ModelSum[] {
  const totals = new Map<string, ModelSum>()
  for (const sum of sums) {
    const { rowCount = 0, amounts = [] } = totals.get(sum.currency) ?? {}
    totals.set(sum.currency, {
      ...sum,
      model: 'total',
      rowCount: rowCount + sum.rowCount,
      amounts: sum.amounts.map((amount, index) => amount.plus(amounts[index] ?? 0)),
    })
  }
  return [...totals.values()]
}

function toRow({ model, currency, rowCount, amounts }: ModelSum): RepricedModel {
  const [recorded = new Big(0), computed = new Big(0)] = amounts
  return {
    model: model ?? '(none)',
    currency,
    attemptCount: rowCount,
    recorded: recorded.toFixed(),
    computed: computed.toFixed(),
    difference: computed.minus(recorded).toFixed(),
  }
}

/** The most frequent first; a hostile record must not fill the memory. */
function reasonCounts(file: WorkFile, kind: string): ReasonCount[] {
  const listed: ReasonCount[] = []
  let otherCount = 0
  const rows = file.each(
    'SELECT reason, count(*) AS count FROM repriced_attempts WHERE kind = ? GROUP BY reason ORDER BY count DESC, reason',
    kind,
  )
  for (const row of rows) {
    if (listed.length < listedReasons) listed.push({ reason: String(row['reason']), count: Number(row['count']) })
    else otherCount += Number(row['count'])
  }
  return otherCount === 0 ? listed : [...listed, { reason: '(others)', count: otherCount }]
}
