import Big from 'big.js'
import { requestKeyText } from '../../../delivery/request-key.ts'
import { topicOffsetsAt } from '../../../events/topic-reader.ts'
import { formatAmount } from '../../../pricing/amount.ts'
import type { KafkaSession } from '../../kafka-session.ts'
import { startProgressBar } from '../../progress-bar.ts'
import type { Terminal } from '../../terminal.ts'
import { rangeOf, requestTopicsOf } from '../replay-mode.ts'
import { resolveRange } from '../replay-range.ts'
import { type RequestPlace, type RequestsInRange, requestsInRange } from '../requests-in-range.ts'
import { readCompletions } from '../terminal-records.ts'
import { type RerunSide, sideOf } from './compare-runs.ts'
import type { ResolvedTarget } from './open-rerun-service.ts'
import type { RerunOptions } from './rerun-mode.ts'

/** By so much the clocks of producers and workers may differ, in ms. */
const clockDifferenceMs = 3_600_000

/** What was chosen, and what is known of it. */
export interface Selection {
  found: RequestsInRange
  /** What is to be called, oldest first. */
  requests: RequestPlace[]
  /** By the text of the key. */
  originals: Map<string, RerunSide>
  /** Expected costs in USD, by the text of the key. */
  estimates: Map<string, string>
  /** Mean of the estimates; null when there are none. */
  meanEstimate: string | null
}

/** Chooses the requests of the range that the target serves, and reads what they came to the first time. @throws CANCELLED, PAYLOAD_TOO_LARGE */
export async function selectReruns(
  session: KafkaSession,
  resolved: ResolvedTarget,
  { options, terminal }: { options: RerunOptions; terminal: Terminal },
): Promise<Selection> {
  const topics = requestTopicsOf(session, options).map(({ name }) => name)
  const range = await resolveRange(session.kafka, topics, rangeOf(options))
  const bar = startProgressBar(terminal, { unit: 'records read', totalCount: null, json: options.json })
  let readCount = 0
  const reading = { signal: terminal.signal, onRecord: () => bar.update(++readCount) }
  try {
    const found = await requestsInRange(session, {
      ...{ range, ...reading, maxRequestsCount: options.maxRequestsCount },
      wanted: (request) => resolved.serves(request),
    })
    const requests = found.requests.slice(0, options.limit)
    const chosen = new Set(requests.map(requestKeyText))
    const originals = new Map<string, RerunSide>()
    const estimates = new Map<string, string>()
    const [oldest] = requests
    if (oldest === undefined) return { found, requests, originals, estimates, meanEstimate: null }
    const completions = session.topic('completions')
    await readCompletions(session, {
      ...reading,
      // No answer comes before its request, but by clocks that differ.
      from: await topicOffsetsAt(session.kafka, [completions], oldest.timestamp - clockDifferenceMs),
      onCompletion(completion) {
        const key = requestKeyText(completion)
        if (!chosen.has(key) || originals.has(key)) return
        originals.set(key, sideOf(completion))
        const { amount, currency } = resolved.price(completion.usage)
        if (amount !== null && currency === 'USD') estimates.set(key, amount)
      },
    })
    return { found, requests, originals, estimates, meanEstimate: meanOf([...estimates.values()]) }
  } finally {
    bar.stop()
  }
}

/** Expected cost in USD, as decimal text: of a request whose own cannot be foretold the mean of the others; null when none can. */
export function estimateOf(place: RequestPlace, { estimates, meanEstimate }: Selection): string | null {
  return estimates.get(requestKeyText(place)) ?? meanEstimate
}

function meanOf(amounts: readonly string[]): string | null {
  return amounts.length === 0 ? null : formatAmount(sumOf(amounts).div(amounts.length))
}

function sumOf(amounts: readonly string[]): Big {
  return amounts.reduce((sum, amount) => sum.plus(amount), new Big(0))
}

/** What the requests will cost together, in words. */
export function expectedCost(places: readonly RequestPlace[], selection: Selection): string {
  const amounts = places.map((place) => estimateOf(place, selection)).filter((amount) => amount !== null)
  return amounts.length === 0 ? 'a cost that nobody can foretell' : `about ${formatAmount(sumOf(amounts))} USD`
}
