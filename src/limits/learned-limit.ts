/** What a provider said of one of its limits in an answer, and what was taken since. */
export interface LearnedLimit {
  /** What may be taken when nothing was; null when it did not say. */
  limit: number | null
  /** What was left. */
  remaining: number
  /** In how many ms all of it is there again. */
  resetMs: number
}

/** Nothing that a provider said is believed for longer, in ms; then it is asked again, by a call. */
export const longestBelievedMs = 60_000

/**
 * In how many ms an amount can be taken, so many ms after the provider said so; 0 is now. Both OpenAI and Anthropic refill evenly
 * and tell when all is there again ("Rate limits" in the documentation of either), so a part of it is there before.
 */
export function learnedWaitMs({ limit, remaining, resetMs }: LearnedLimit, amount: number, sinceMs: number): number {
  const needed = Math.max(1, Math.min(amount, limit ?? amount))
  if (remaining >= needed || sinceMs >= resetMs || sinceMs >= longestBelievedMs) return 0
  const missing = needed - remaining
  const share = limit === null || limit <= remaining ? 1 : Math.min(1, missing / (limit - remaining))
  return Math.min(Math.max(0, Math.ceil(share * resetMs - sinceMs)), longestBelievedMs - sinceMs)
}
