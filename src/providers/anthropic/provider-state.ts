import { asList, asObject, asText, type JsonObject, parseJson } from '../http/json-shape.ts'

const prefix = 'anthropic:'

/**
 * The thinking blocks before a tool call, as the call's `providerState`. Anthropic refuses a tool loop with thinking
 * whose blocks do not come back unchanged, signature included; other providers ignore the text. Null without blocks.
 */
export function toProviderState(blocks: readonly JsonObject[]): string | null {
  return blocks.length === 0 ? null : prefix + JSON.stringify(blocks)
}

/** The thinking blocks out of a `providerState`; none for that of another provider, or anything else. */
export function thinkingBlocksOf(providerState: string | null): JsonObject[] {
  if (providerState === null || !providerState.startsWith(prefix)) return []
  return asList(parseJson(providerState.slice(prefix.length))).flatMap((entry): JsonObject[] => {
    const block = asObject(entry)
    const type = block?.['type']
    const thinking = asText(block?.['thinking'])
    const signature = asText(block?.['signature'])
    const data = asText(block?.['data'])
    // Rebuilt field by field: the text comes from outside.
    if (type === 'thinking' && thinking !== undefined && signature) return [{ type, thinking, signature }]
    return type === 'redacted_thinking' && data ? [{ type, data }] : []
  })
}
