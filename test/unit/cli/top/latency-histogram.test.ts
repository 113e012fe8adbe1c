import { expect, it } from 'vitest'
import { percentile } from '../../../../src/cli/percentile.ts'
import { LatencyHistogram } from '../../../../src/cli/top/latency-histogram.ts'

it('knows nothing of nothing', () => {
  expect(new LatencyHistogram().percentile(50)).toBeNull()
})

it('is right within 2.5 %, also of parts that were added up', () => {
  const values = Array.from({ length: 5_000 }, (_, index) => Math.round(1 + index ** 1.7))
  const [odd, even] = [new LatencyHistogram(), new LatencyHistogram()]
  for (const [index, value] of values.entries()) (index % 2 === 0 ? even : odd).add(value)
  even.addAll(odd)
  for (const percent of [1, 50, 95, 99, 100]) {
    const exact = percentile(values, percent) ?? 0
    const error = Math.abs((even.percentile(percent) ?? 0) - exact) / exact
    expect(error, `percentile ${percent}`).toBeLessThan(0.026)
  }
})

it('takes what is below a millisecond for 0, and hours too', () => {
  const histogram = new LatencyHistogram()
  histogram.add(0)
  histogram.add(-5)
  histogram.add(0.9)
  expect(histogram.percentile(100)).toBe(0)
  histogram.add(7_200_000)
  expect(histogram.percentile(100)).toBeGreaterThan(7_000_000)
})
