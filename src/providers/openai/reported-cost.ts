import { amountOf } from '../../pricing/amount.ts'
import { asNumber, asObject } from '../http/json-shape.ts'
import type { OpenAiDialect } from './openai-dialect.ts'

/** Beyond this no call costs, in US dollars: it is nonsense. */
const largestUsd = 1e6

/** What the server says in `usage` that the call cost, in US dollars as decimal text; null where it says nothing of use. */
export function reportedUsd(usage: unknown, { reportedCost }: OpenAiDialect): string | null {
  if (reportedCost === null) return null
  const { field, unitsPerUsd } = reportedCost
  const units = asNumber(asObject(usage)?.[field])
  if (units === undefined || units < 0 || units > largestUsd * unitsPerUsd) return null
  return amountOf([{ rate: units, count: 1, per: unitsPerUsd }])
}
