import { PassThrough, Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { compareRuns, rowOf, sideOf } from '../../../../../src/cli/replay/rerun/compare-runs.ts'
import { comparisonCsv, printComparison } from '../../../../../src/cli/replay/rerun/print-comparison.ts'
import type { Terminal } from '../../../../../src/cli/terminal.ts'
import { completeDraft } from '../../../../../src/codec/contract-type.ts'
import type { ModelCompletionDraft, ToolCallDraft } from '../../../../../src/contract/types.ts'

function side(draft: Partial<ModelCompletionDraft>) {
  return sideOf(completeDraft('ModelCompletion', { status: 'COMPLETED', ...draft }))
}

function chat(text: string, toolCalls: ToolCallDraft[] = []) {
  return side({ kind: 'CHAT', chat: { text, toolCalls } })
}

const key = { tenant: 'acme', requestId: 'one' }
const same = (original: ReturnType<typeof side> | null, rerun: ReturnType<typeof side> | null) =>
  rowOf(key, 'id', { original, rerun }).isSameAnswer

describe('answers', () => {
  it.each([
    ['the same text', chat('a'), chat('a'), true],
    ['another text', chat('a'), chat('b'), false],
    [
      'the same tool call under another id',
      chat('', [{ id: '1', name: 'f', arguments: '{}' }]),
      chat('', [{ id: '2', name: 'f', arguments: '{}' }]),
      true,
    ],
    [
      'a tool call with other arguments',
      chat('', [{ id: '1', name: 'f', arguments: '{}' }]),
      chat('', [{ id: '1', name: 'f', arguments: '{"a":1}' }]),
      false,
    ],
    ['a refusal beside the same text', chat(''), side({ chat: { text: '', refusal: 'no' } }), false],
    ['texts that differ far behind what is shown', chat(`${'x'.repeat(5_000)}a`), chat(`${'x'.repeat(5_000)}b`), false],
    [
      'vectors that differ in one number',
      side({ embedding: { vectors: [{ values: [1, 2] }], dimensions: 2 } }),
      side({ embedding: { vectors: [{ values: [1, 3] }], dimensions: 2 } }),
      false,
    ],
    [
      'the same picture, under another name',
      side({ imageGeneration: { images: [{ media: { bytes: Buffer.from('x'), mediaType: 'image/png' } }] } }),
      side({
        imageGeneration: { images: [{ media: { bytes: Buffer.from('x'), mediaType: 'image/png', filename: 'n' } }] },
      }),
      true,
    ],
    ['a failure', chat('a'), side({ status: 'FAILED', error: { code: 'TOKEN_LIMIT', message: 'm' } }), null],
    ['nothing', null, chat('a'), null],
  ])('compares with %s', (_, original, rerun, expected) => {
    expect(same(original, rerun)).toBe(expected)
  })

  it('keeps only the beginning of an answer', () => {
    expect(chat('x'.repeat(5_000)).answer).toHaveLength(300)
  })
})

const usage = { inputUncachedTokens: 10, outputTokens: 5 }
const rows = [
  rowOf(key, 'id-1', {
    original: side({
      chat: { text: 'a' },
      usage,
      cost: { amount: '0.1' },
      timings: { claimedAt: 1_000, finishedAt: 1_400 },
    }),
    rerun: side({
      chat: { text: 'b' },
      usage,
      cost: { amount: '0.05' },
      timings: { claimedAt: 2_000, finishedAt: 2_100 },
    }),
  }),
  rowOf({ tenant: 'acme', requestId: '=two,"quoted"' }, 'id-2', {
    original: side({
      status: 'FAILED',
      error: { code: 'TOKEN_LIMIT', message: 'too\u001b[2J long' },
      cost: { amount: '0.2' },
    }),
    rerun: side({ chat: { text: 'c' }, cost: { amount: null, unknownReason: 'PRICE_UNKNOWN' } }),
  }),
  rowOf({ tenant: 'acme', requestId: 'three' }, 'id-3', { original: side({ cost: { amount: '99' } }), rerun: null }),
]

it('adds up what has both sides, and nothing else', () => {
  const { rows: kept, ...totals } = compareRuns(rows)
  expect(kept).toEqual(rows)
  expect(totals).toEqual({
    comparedCount: 2,
    answeredTwiceCount: 1,
    sameAnswerCount: 0,
    original: {
      statusCounts: { COMPLETED: 1, FAILED: 1 },
      p50Ms: 400,
      p95Ms: 400,
      inputTokens: 10,
      outputTokens: 5,
      costs: { USD: '0.3' },
      unknownCostCount: 0,
    },
    rerun: {
      statusCounts: { COMPLETED: 2 },
      p50Ms: 100,
      p95Ms: 100,
      inputTokens: 10,
      outputTokens: 5,
      costs: { USD: '0.05' },
      unknownCostCount: 1,
    },
  })
})

it('prints both sides, what changed, and the answers that differ, without control characters', () => {
  const stdout = new PassThrough()
  const terminal: Terminal = {
    ...{ stdin: Readable.from([]), stdout, stderr: new PassThrough(), env: {}, cwd: '/', color: false },
    signal: new AbortController().signal,
  }
  printComparison(terminal, compareRuns(rows), 'gpt-new')
  const out = String(stdout.read())
  expect(out).toContain('2 of 3 requests have both an original and a rerun:')
  expect(out).toMatch(/half within +400 ms +100 ms +-75 %/)
  expect(out).toMatch(/cost in USD +0\.3 +0\.05 +-83\.3 %/)
  expect(out).toContain('0 of 1 pairs of answers are the same')
  expect(out).toMatch(/acme\/one +COMPLETED +400 → 100 +0\.1 → 0\.05 +a +b/)
  expect(out).toContain('FAILED → COMPLETED')
  expect(out).not.toContain('\u001b')
})

it('writes a line of CSV for each request, quoted, and never a formula', () => {
  const lines = comparisonCsv(compareRuns(rows)).split('\r\n')
  expect(lines).toHaveLength(5)
  expect(lines[0]).toMatch(/^tenant,requestId,rerunId,isSameAnswer,original\.status,/)
  expect(lines[1]).toBe('acme,one,id-1,false,COMPLETED,,,400,10,5,0.1,USD,COMPLETED,,,100,10,5,0.05,USD')
  expect(lines[2]).toContain(`acme,"'=two,""quoted""",id-2,,FAILED,TOKEN_LIMIT,`)
  expect(lines[3]).toMatch(/^acme,three,id-3,,COMPLETED,.*,99,USD,,,,,,,,$/)
})
