import { describe, expect, it } from 'vitest'
import { claudeTraits } from '../../../../src/providers/anthropic/claude-traits.ts'

describe('claudeTraits', () => {
  it.each([
    // model, limit, thinking, by default, output format, prefill
    ['claude-2.1', 4096, 'none', false, false, true],
    ['claude-instant-1.2', 4096, 'none', false, false, true],
    ['claude-3-haiku-20240307', 4096, 'none', false, false, true],
    ['claude-3-5-sonnet-20241022', 8192, 'none', false, false, true],
    ['claude-3-7-sonnet-latest', 32_000, 'budget', false, false, true],
    ['claude-opus-4-20250514', 32_000, 'budget', false, false, true],
    ['claude-sonnet-4-0', 32_000, 'budget', false, false, true],
    ['claude-opus-4-1-20250805', 32_000, 'budget', false, false, true],
    ['claude-sonnet-4-5-20250929', 64_000, 'budget', false, true, true],
    ['anthropic/claude-haiku-4.5', 64_000, 'budget', false, true, true],
    ['us.anthropic.claude-opus-4-6-v1:0', 128_000, 'either', false, true, false],
    ['claude-opus-4-7', 128_000, 'adaptive', false, true, false],
    ['claude-opus-4-10', 128_000, 'adaptive', false, true, false],
    ['claude-sonnet-5', 128_000, 'adaptive', true, true, false],
    ['claude-haiku-5-20270101', 64_000, 'adaptive', true, true, false],
    ['claude-opus-5-5', 128_000, 'adaptive', true, true, false],
    ['claude-mythos-preview', 128_000, 'adaptive', true, true, false],
    ['smollm2-135m-instruct', 4096, 'budget', false, false, true],
  ])('%s', (model, defaultMaxTokens, thinking, thinksByDefault, hasOutputFormat, continuesAssistant) => {
    expect(claudeTraits(model)).toEqual({
      defaultMaxTokens,
      thinking,
      thinksByDefault,
      hasOutputFormat,
      continuesAssistant,
    })
  })
})
