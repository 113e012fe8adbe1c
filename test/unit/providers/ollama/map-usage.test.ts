import { expect, it } from 'vitest'
import { noUsage } from '../../../../src/providers/answers/no-usage.ts'
import { mapUsage } from '../../../../src/providers/ollama/map-usage.ts'

it.each([
  [
    { prompt_eval_count: 16, eval_count: 46 },
    { ...noUsage, inputUncachedTokens: 16, outputTokens: 46 },
  ],
  [{ prompt_eval_count: 16 }, { ...noUsage, inputUncachedTokens: 16 }],
  [{ eval_count: 46 }, null],
  [{ prompt_eval_count: 0, eval_count: 46 }, null],
  [{ prompt_eval_count: '16', eval_count: 46 }, null],
  [{ prompt_eval_count: 1e300, eval_count: 46 }, null],
  [
    { prompt_eval_count: 16, eval_count: -4 },
    { ...noUsage, inputUncachedTokens: 16 },
  ],
  [{}, null],
])('the usage of %j', (body, expected) => {
  expect(mapUsage(body)).toEqual(expected)
})
