/** What a terminal record and an event must be by themselves, without any other record. Pure. */
import type { Cost, ModelCompletion, PerformanceEvent } from '../contract/types.ts'
import { totalCost } from '../pricing/cost.ts'
import type { FindingKind } from './finding-kinds.ts'

/** Something wrong with one record. */
export interface RecordFault {
  kind: FindingKind
  /** What was found and what was expected; never content. */
  detail: string
}

/** What is wrong with a terminal record by itself. */
export function completionFaults(completion: ModelCompletion): RecordFault[] {
  return [...sumFaults(completion), ...priceFaults(completion), ...numberFaults(completion)]
}

/** Amounts are compared as the decimals that they are: exact to the last digit. */
function sumFaults({ attempts, cost }: ModelCompletion): RecordFault[] {
  const total = totalCost(attempts.map((attempt) => attempt.cost))
  const sums = `its ${attempts.length} attempts add up to`
  const faults: string[] = []
  const isSame = total.amount === cost.amount && (cost.amount === null || total.currency === cost.currency)
  if (!isSame) faults.push(`says ${amountText(cost)}, ${sums} ${amountText(total)}`)
  if (total.reportedUsd !== cost.reportedUsd) {
    faults.push(
      `says that providers reported ${cost.reportedUsd ?? 'nothing'}, ${sums} ${total.reportedUsd ?? 'nothing'}`,
    )
  }
  return faults.map((detail) => ({ kind: 'cost-sum', detail }))
}

function priceFaults({ attempts, cost, registryVersion }: ModelCompletion): RecordFault[] {
  const costs = [
    ...attempts.map((attempt) => ({ of: `attempt ${attempt.number}`, cost: attempt.cost })),
    { of: 'the total', cost },
  ]
  return costs.flatMap(({ of, cost: priced }) => {
    const why = priceFault(priced, registryVersion)
    return why === null ? [] : [{ kind: 'price-card' as const, detail: `${of}: ${why}` }]
  })
}

/** A price comes from one of two sources, under a card of that source; a card of the registry is not younger than the plan. */
function priceFault(cost: Cost, registryVersion: number | null): string | null {
  const { amount, unknownReason, priceSource, priceCardVersion } = cost
  if (amount === null) return priceSource === null ? null : 'an unknown amount with a price'
  if (unknownReason !== null) return 'an amount together with a reason why it is unknown'
  if (priceSource === null) return amount === '0' ? null : 'an amount without the source of its price'
  if (priceSource === 'registry') {
    const version = /^registry@(\d{1,15})$/.exec(priceCardVersion ?? '')?.[1]
    if (version === undefined) return 'a price of the registry without its version'
    const isYounger = registryVersion !== null && Number(version) > registryVersion
    return isYounger ? `a price of registry version ${version}, planned under ${registryVersion}` : null
  }
  if (priceSource === 'genai-prices') {
    return priceCardVersion?.startsWith('genai-prices@') === true ? null : 'a price of the list without its version'
  }
  return 'a price of a source that is not known'
}

function numberFaults({ attempts }: ModelCompletion): RecordFault[] {
  const numbers = attempts.map(({ number }) => number)
  const seen = new Set<number>()
  const repeated = numbers.filter((number) => seen.size === seen.add(number).size)
  const strange = numbers.filter((number) => number < 1)
  return [
    ...repeated.map((number) => ({
      kind: 'attempt-number' as const,
      detail: `attempt number ${number} is there twice`,
    })),
    ...strange.map((number) => ({
      kind: 'attempt-number' as const,
      detail: `attempt number ${number}, expected 1 or more`,
    })),
  ]
}

function amountText({ amount, currency }: Cost): string {
  return amount === null ? 'unknown' : `${amount} ${currency.slice(0, 10)}`
}

/** Longer than any name or code; a reason of a route is a sentence. */
const longestName = 512
const longestReason = 2_000

const eventHeaders: ReadonlySet<string> = new Set([
  ...['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time', 'content-type'],
  ...['traceparent', 'tracestate', 'correlation-id'],
])

/** What in a performance event may be content: a text that is too long for what it should be, or a header that is none of ours. */
export function eventFaults(event: PerformanceEvent, headers: Readonly<Record<string, string>>): RecordFault[] {
  const { cost, routing } = event
  const names = {
    taskType: event.taskType,
    model: event.model,
    provider: event.provider,
    providerModel: event.providerModel,
    errorCode: event.errorCode,
    'cost.currency': cost.currency,
    'cost.unknownReason': cost.unknownReason,
    'cost.priceSource': cost.priceSource,
    'cost.priceCardVersion': cost.priceCardVersion,
    'routing.route': routing?.route ?? null,
    'routing.strategy': routing?.strategy ?? null,
  }
  const faults = Object.entries(names).flatMap(([field, text]) =>
    text !== null && text.length > longestName ? [`${field} has ${text.length} characters`] : [],
  )
  const longReason = routing?.reasons.find((reason) => reason.length > longestReason)
  if (longReason !== undefined) faults.push(`a reason of the routing has ${longReason.length} characters`)
  const strange = Object.keys(headers).filter((name) => !eventHeaders.has(name))
  if (strange.length > 0) faults.push(`${strange.length} headers that are not ours`)
  return faults.map((detail) => ({ kind: 'event-content', detail }))
}
