import { expect, it } from 'vitest'
import { mapFinishReason } from '../../../../src/providers/openai/map-finish-reason.ts'

it.each([
  ['stop', 'STOP'],
  ['length', 'LENGTH'],
  ['model_length', 'LENGTH'],
  ['tool_calls', 'TOOL_CALLS'],
  ['function_call', 'TOOL_CALLS'],
  ['content_filter', 'CONTENT_FILTER'],
  ['error', 'ERROR'],
  ['insufficient_system_resource', 'ERROR'],
  ['something new', 'OTHER'],
  [null, 'UNSPECIFIED'],
  [undefined, 'UNSPECIFIED'],
])('%s is %s', (raw, expected) => {
  expect(mapFinishReason(raw)).toBe(expected)
})
