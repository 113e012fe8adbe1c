import { expect, it } from 'vitest'
import { type Emphasise, renderTop, type TopRoom } from '../../../../src/cli/top/render-top.ts'
import type { TopModel, TopSnapshot } from '../../../../src/cli/top/top-state.ts'

const everything: TopRoom = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY }
const plain: Emphasise = (_style, text) => text

function model(rest: Partial<TopModel> = {}): TopModel {
  return {
    model: 'gpt-4o-mini',
    requestCount: 30,
    failedCount: 1,
    p50Ms: 420,
    p95Ms: 12_340,
    inputTokens: 1_000,
    outputTokens: 200,
    costs: { USD: '0.5' },
    unknownCostCount: 2,
    ...rest,
  }
}

function snapshot(rest: Partial<TopSnapshot> = {}): TopSnapshot {
  return {
    at: Date.UTC(2026, 4, 31, 12, 0, 0),
    windowMs: 30_000,
    requestCount: 30,
    requestsPerSecond: 1,
    statusCounts: { COMPLETED: 29, FAILED: 1 },
    p50Ms: 420,
    p95Ms: 12_340,
    queuedP95Ms: null,
    errorCounts: { RATE_LIMITED: 1 },
    models: [model()],
    lags: { value: [{ topic: 'model.requests', group: 'model-service', lagCount: 7 }], problem: null },
    workers: {
      value: [
        {
          ...{ id: 'w-1', host: 'box', pid: 42, version: '0.1.0' },
          ...{ state: 'serving', claimedCount: 3, settledCount: 0 },
        },
      ],
      problem: null,
    },
    ...rest,
  }
}

it('shows everything of a moment', () => {
  expect(renderTop(snapshot(), everything, plain)).toEqual([
    'model-service top  2026-05-31T12:00:00Z  last 30 s',
    'requests 30  1.0/s  29 COMPLETED, 1 FAILED',
    'latency p50 420 ms  p95 12.3 s  queued p95 -',
    '',
    'MODEL        REQUESTS  FAILED     P50     P95  TOKENS IN  OUT              COST/MIN',
    'gpt-4o-mini        30       1  420 ms  12.3 s       1000  200  1.00 USD + 2 unknown',
    '',
    'LAG  TOPIC           GROUP',
    '  7  model.requests  model-service',
    '',
    'WORKERS  STATE    CLAIMED  SETTLED  HOST  PID  VERSION',
    'w-1      serving        3        0  box    42    0.1.0',
    '',
    'ERRORS  CODE',
    '     1  RATE_LIMITED',
  ])
})

it('says what is away in its place, and that nobody serves', () => {
  const lines = renderTop(
    snapshot({
      ...{ models: [], statusCounts: {}, errorCounts: {} },
      lags: { value: null, problem: 'BROKER_UNAVAILABLE' },
      workers: { value: [], problem: null },
    }),
    everything,
    plain,
  )
  expect(lines).toContain('! BROKER_UNAVAILABLE')
  expect(lines).toContain('! none: nobody serves requests')
  expect(lines[1]).toContain('none yet')
  expect(lines.join('\n')).not.toContain('ERRORS')
})

it('cuts lines at the width and wraps none', () => {
  for (const width of [1, 10, 40]) {
    const lines = renderTop(snapshot(), { width, height: 100 }, plain)
    expect(Math.max(...lines.map((line) => line.length))).toBe(width)
    expect(lines).toHaveLength(15)
  }
})

it('leaves out what does not fit below, and says so', () => {
  const lines = renderTop(snapshot(), { width: 80, height: 5 }, plain)
  expect(lines).toHaveLength(5)
  expect(lines.at(-1)).toBe('…')
  expect(renderTop(snapshot(), { width: 80, height: 1 }, plain)).toEqual(['…'])
})

it('lets no name move the cursor or take more room than it counts for', () => {
  const named = renderTop(snapshot({ models: [model({ model: 'a\u001b[2J\n模型' })] }), everything, plain)
  expect(named.join('')).toMatch(/^[\x20-\x7e]*$/)
  expect(named.some((line) => line.startsWith('a?[2J???'))).toBe(true)
})

it('emphasises headings and what is wrong, and only that', () => {
  const marked = renderTop(
    snapshot({ lags: { value: null, problem: 'away' } }),
    everything,
    (style, text) => `<${style}>${text}`,
  )
  expect(marked.filter((line) => line.startsWith('<bold>')).map((line) => line.slice(6, 12).trim())).toEqual([
    'model-',
    'MODEL',
    'LAG',
    'WORKER',
    'ERRORS',
  ])
  expect(marked).toContain('<red>! away')
})
