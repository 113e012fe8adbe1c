import type { Usage } from '../../contract/types.ts'
import { noUsage } from '../answers/no-usage.ts'
import { splitTotal } from '../answers/split-total.ts'
import { asCount, asNumber, asObject, type JsonObject } from '../http/json-shape.ts'

/**
 * `usage` of a message in disjoint classes. `input_tokens` leaves out both what was read from and what was written to
 * the cache, and `cache_creation` says what of the latter stays for an hour; `output_tokens` includes thinking, which
 * newer models tell apart. Null when the provider reported none.
 */
export function mapUsage(raw: unknown): Usage | null {
  const usage = asObject(raw)
  if (usage === undefined || (!has(usage, 'input_tokens') && !has(usage, 'output_tokens'))) return null
  const written = splitTotal(asCount(usage['cache_creation_input_tokens']), {
    long: asCount(asObject(usage['cache_creation'])?.['ephemeral_1h_input_tokens']),
  })
  const output = splitTotal(asCount(usage['output_tokens']), {
    thinking: asCount(asObject(usage['output_tokens_details'])?.['thinking_tokens']),
  })
  return {
    ...noUsage,
    inputUncachedTokens: asCount(usage['input_tokens']),
    inputCacheReadTokens: asCount(usage['cache_read_input_tokens']),
    inputCacheWriteTokens: written.rest,
    inputCacheWriteLongTokens: written.long,
    outputTokens: output.rest,
    outputReasoningTokens: output.thinking,
    webSearchCount: asCount(asObject(usage['server_tool_use'])?.['web_search_requests']),
  }
}

/** The usage of a stream is cumulative: what a later event says replaces what an earlier one said, null says nothing. */
export function mergeUsage(earlier: JsonObject | null, later: unknown): JsonObject | null {
  const said = Object.entries(asObject(later) ?? {}).filter(([, value]) => value !== null)
  return said.length === 0 ? earlier : { ...earlier, ...Object.fromEntries(said) }
}

function has(usage: JsonObject, name: string): boolean {
  return asNumber(usage[name]) !== undefined
}
