import { expect, it } from 'vitest'
import { mapFinishReason } from '../../../../src/providers/gemini/map-finish-reason.ts'

it.each([
  ['STOP', 'STOP'],
  ['MAX_TOKENS', 'LENGTH'],
  ['SAFETY', 'CONTENT_FILTER'],
  ['RECITATION', 'CONTENT_FILTER'],
  ['BLOCKLIST', 'CONTENT_FILTER'],
  ['PROHIBITED_CONTENT', 'CONTENT_FILTER'],
  ['SPII', 'CONTENT_FILTER'],
  ['IMAGE_SAFETY', 'CONTENT_FILTER'],
  ['IMAGE_PROHIBITED_CONTENT', 'CONTENT_FILTER'],
  ['IMAGE_RECITATION', 'CONTENT_FILTER'],
  ['MALFORMED_FUNCTION_CALL', 'ERROR'],
  ['UNEXPECTED_TOOL_CALL', 'ERROR'],
  ['TOO_MANY_TOOL_CALLS', 'ERROR'],
  ['FINISH_REASON_UNSPECIFIED', 'UNSPECIFIED'],
  [undefined, 'UNSPECIFIED'],
  ['LANGUAGE', 'OTHER'],
  ['something new', 'OTHER'],
])('%s is %s', (reason, expected) => {
  expect(mapFinishReason(reason)).toBe(expected)
})
