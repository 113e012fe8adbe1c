import { describe, expect, it } from 'vitest'
import { noUsage } from '../../../../src/providers/answers/no-usage.ts'
import { mapUsage, mergeUsage } from '../../../../src/providers/anthropic/map-usage.ts'

describe('mapUsage', () => {
  it('adds nothing to the input: the cache is counted beside it', () => {
    const raw = {
      input_tokens: 10,
      cache_creation_input_tokens: 300,
      cache_read_input_tokens: 2000,
      cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 100 },
      output_tokens: 59,
      output_tokens_details: { thinking_tokens: 18 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
      service_tier: 'standard',
    }
    expect(mapUsage(raw)).toEqual({
      ...noUsage,
      inputUncachedTokens: 10,
      inputCacheReadTokens: 2000,
      inputCacheWriteTokens: 200,
      inputCacheWriteLongTokens: 100,
      outputTokens: 41,
      outputReasoningTokens: 18,
      webSearchCount: 2,
    })
  })

  it.each([undefined, null, 'x', [], {}, { service_tier: 'standard' }, { input_tokens: '5' }])('%j is none', (raw) => {
    expect(mapUsage(raw)).toBeNull()
  })

  it.each([
    { input_tokens: -5, output_tokens: Number.POSITIVE_INFINITY, cache_read_input_tokens: 'x' },
    { input_tokens: 1, output_tokens: 2, output_tokens_details: { thinking_tokens: 9 }, cache_creation: [] },
    { input_tokens: 1, cache_creation_input_tokens: 1, cache_creation: { ephemeral_1h_input_tokens: 7 } },
  ])('%j gives no negative count', (raw) => {
    for (const count of Object.values(mapUsage(raw) ?? {})) {
      if (typeof count === 'number') expect(count).toBeGreaterThanOrEqual(0)
    }
  })
})

describe('mergeUsage', () => {
  it('replaces what was said before, but not by null', () => {
    const start = mergeUsage(null, { input_tokens: 43, cache_read_input_tokens: 5, output_tokens: 1 })
    expect(mergeUsage(start, { input_tokens: 61, cache_read_input_tokens: null, output_tokens: 2 })).toEqual({
      input_tokens: 61,
      cache_read_input_tokens: 5,
      output_tokens: 2,
    })
    expect(mergeUsage(start, undefined)).toBe(start)
  })
})
