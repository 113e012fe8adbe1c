import { expect, it } from 'vitest'
import { retryAfterMs } from '../../../../src/providers/http/retry-after.ts'

const now = Date.parse('2026-01-01T00:00:00Z')

it.each([
  [{ 'retry-after': '1' }, 1000],
  [{ 'retry-after': '0.25' }, 250],
  [{ 'retry-after': ' 2 ' }, 2000],
  [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
  [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9000],
  [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
  [{ 'retry-after': '99999999' }, 86_400_000],
  [{ 'retry-after': '-5' }, undefined],
  [{ 'retry-after': 'nonsense' }, undefined],
  [{}, undefined],
])('%j asks to wait %s ms', (headers, expected) => {
  expect(retryAfterMs(headers as Record<string, string>, now)).toBe(expected)
})
