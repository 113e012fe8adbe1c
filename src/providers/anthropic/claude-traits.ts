/** What has to be known of a model before it can be asked. */
export interface ClaudeTraits {
  /** `max_tokens` where the request sets none, for the field is required: as much as the model can give. */
  defaultMaxTokens: number
  /**
   * How thinking is asked for: not at all, by a budget in tokens, by an effort (`adaptive`), or by either.
   */
  thinking: 'none' | 'budget' | 'either' | 'adaptive'
  /** Whether it thinks unless told not to. */
  thinksByDefault: boolean
  /** Whether `output_config.format` and strict tools exist; where not, a forced tool stands in for the format. */
  hasOutputFormat: boolean
  /** Whether a conversation may end with the beginning of the answer (prefill). */
  continuesAssistant: boolean
}

/** A model that is none of Anthropic's, behind a server that speaks like it: the oldest form of everything. */
const foreign: ClaudeTraits = {
  defaultMaxTokens: 4096,
  thinking: 'budget',
  thinksByDefault: false,
  hasOutputFormat: false,
  continuesAssistant: true,
}

/** From which version on what holds, newest first. Sources: Anthropic's model and feature pages, SDK 0.120. */
const ladder: readonly (readonly [major: number, minor: number, traits: ClaudeTraits])[] = [
  [5, 0, newest({ thinking: 'adaptive', thinksByDefault: true })],
  [4, 7, newest({ thinking: 'adaptive', thinksByDefault: false })],
  [4, 6, newest({ thinking: 'either', thinksByDefault: false })],
  [4, 5, { ...foreign, defaultMaxTokens: 64_000, hasOutputFormat: true }],
  // Before 4.5 input and limit together must fit the window, so the limit leaves room.
  [3, 7, { ...foreign, defaultMaxTokens: 32_000 }],
  [3, 5, { ...foreign, defaultMaxTokens: 8192, thinking: 'none' }],
  [0, 0, { ...foreign, thinking: 'none' }],
]

/**
 * The traits of a model by its name, wherever `claude-` stands in it (`anthropic/claude-…`, `us.anthropic.claude-…`). A
 * Claude without version is taken for a new one; a name of another kind for the oldest form of everything.
 */
export function claudeTraits(model: string): ClaudeTraits {
  const name = model.toLowerCase()
  if (!name.includes('claude')) return foreign
  // The version stands before the family (claude-3-5-sonnet-20241022) or after it (claude-sonnet-4-5-20250929).
  const match = /claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/.exec(name)
  const [major, minor] = match === null ? [5, 0] : [Number(match[1]), Number(match[2] ?? 0)]
  const traits =
    ladder.find(([from, fromMinor]) => major > from || (major === from && minor >= fromMinor))?.[2] ?? foreign
  return name.includes('haiku') ? { ...traits, defaultMaxTokens: Math.min(traits.defaultMaxTokens, 64_000) } : traits
}

function newest(rest: Pick<ClaudeTraits, 'thinking' | 'thinksByDefault'>): ClaudeTraits {
  return { ...rest, defaultMaxTokens: 128_000, hasOutputFormat: true, continuesAssistant: false }
}
