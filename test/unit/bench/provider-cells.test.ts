import { describe, expect, test } from 'vitest'
import {
  measurementOf,
  type ProviderResult,
  planProviderCells,
  resultOf,
  rowsOf,
} from '../../../bench/providers/provider-cells.ts'
import { type ProviderConditions, providersPage } from '../../../bench/providers/providers-page.ts'
import { answerText, benchFormats, recordedAnswer, tokenCount } from '../../../bench/providers/recorded-answers.ts'

const conditions: ProviderConditions = {
  date: '2026-01-01',
  cores: 2,
  processor: 'P',
  node: 'v24.0.0',
  loadBefore: 0.1,
  runCount: 3,
  tookMinutes: 1,
}

/** Every cell, the adapter so many times as dear as reading the bytes. */
function results(adapter: number): ProviderResult[] {
  const cost = { adapter, bytes: 1, text: 2 }
  return planProviderCells().map((cell) => resultOf(cell, [cost[cell.caller] * 100]))
}

describe('the measurements', () => {
  test('compare three clients in each format and pace', () => {
    const cells = planProviderCells()
    expect(cells).toHaveLength(36)
    expect(new Set(cells.map((cell) => JSON.stringify(cell)))).toHaveProperty('size', 36)
    for (const cell of cells) {
      const { callCount, inFlight } = measurementOf(cell, 1)
      expect(callCount % inFlight, 'lanes that end at the same time').toBe(0)
    }
  })

  test.each([
    [[3], 3],
    [[3, 1], 2],
    [[9, 1, 3], 3],
    [[4, 1, 2, 9], 3],
  ])('of %j count as %d', (runs, median) => {
    expect(resultOf({ format: 'openai', pace: 'burst', caller: 'bytes' }, runs).cpuUsPerCall).toBe(median)
  })

  test('are set against both loops, and told by the token where there is a stream', () => {
    const rows = rowsOf(results(3))
    expect(rows).toHaveLength(12)
    expect(rows[0]).toMatchObject({ pace: 'whole', overBytes: 3, overText: 1.5, usPerTokenOverBytes: null })
    expect(rows[1]).toMatchObject({ pace: 'burst', usPerTokenOverBytes: 200 / tokenCount })
    expect(rowsOf(results(3).slice(1))).toHaveLength(11)
  })
})

describe('the page', () => {
  test.each([
    [1.5, '1.50×, met'],
    [1.51, '1.51×, **not met**'],
  ])('judges %d times the bytes by the goal', (adapter, verdict) => {
    expect(providersPage(rowsOf(results(adapter)), conditions)).toContain(verdict)
  })

  test('says when other work shared the cores', () => {
    const busy = { ...conditions, loadBefore: 3 }
    expect(providersPage(rowsOf(results(1)), busy)).toContain('other work shared the cores')
    expect(providersPage(rowsOf(results(1)), conditions)).not.toContain('other work shared the cores')
  })
})

test.each(benchFormats)(
  'the stream of %s has an event for each token, and says what the whole answer says',
  (format) => {
    const { events, whole } = recordedAnswer(format)
    const pieces = answerText.match(/ t\d\d/g) ?? []
    expect(pieces).toHaveLength(tokenCount)
    expect(events.filter((event) => / t\d\d"/.test(event)).map((event) => / t\d\d/.exec(event)?.[0])).toEqual(pieces)
    expect(whole).toContain(JSON.stringify(answerText))
  },
)
