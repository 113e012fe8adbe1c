import { expect, it } from 'vitest'
import { mapFinishReason } from '../../../../src/providers/anthropic/map-finish-reason.ts'

it.each([
  ['end_turn', 'STOP'],
  ['stop_sequence', 'STOP'],
  ['max_tokens', 'LENGTH'],
  ['model_context_window_exceeded', 'LENGTH'],
  ['tool_use', 'TOOL_CALLS'],
  ['refusal', 'CONTENT_FILTER'],
  ['pause_turn', 'OTHER'],
  ['compaction', 'OTHER'],
  ['', 'UNSPECIFIED'],
  [null, 'UNSPECIFIED'],
  [undefined, 'UNSPECIFIED'],
])('%s is %s', (reason, ours) => {
  expect(mapFinishReason(reason)).toBe(ours)
})
