import { expect, it } from 'vitest'
import { mapFinishReason } from '../../../../src/providers/ollama/map-finish-reason.ts'

it.each([
  ['stop', 0, 'STOP'],
  ['stop', 1, 'TOOL_CALLS'],
  ['length', 0, 'LENGTH'],
  ['length', 1, 'LENGTH'],
  ['load', 0, 'OTHER'],
  ['unload', 0, 'OTHER'],
  [undefined, 0, 'UNSPECIFIED'],
  [undefined, 2, 'TOOL_CALLS'],
  ['', 0, 'UNSPECIFIED'],
  ['of tomorrow', 0, 'OTHER'],
])('%s with %d tool calls is %s', (reason, count, expected) => {
  expect(mapFinishReason(reason, count)).toBe(expected)
})
