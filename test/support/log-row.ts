import type { RequestLogRow } from '../../src/model-service/ports/outcome.ts'

/**
 * A row of the request log, as a good answer makes it; the cost is 0.1 USD, the time 100 ms, the confidence 0.9. Where the changes
 * do not say which models were called, `model` was, and came to what the row says.
 */
export function logRow(changes: Partial<RequestLogRow> = {}): RequestLogRow {
  const row = rowWithoutCalls(changes)
  const { model, status, errorCode, cost } = row
  const errorCodes = errorCode === null ? [] : [errorCode]
  const called = model === null ? [] : [{ model, hasAnswered: status === 'COMPLETED', errorCodes, cost }]
  return { calledModels: called, ...row, ...changes }
}

function rowWithoutCalls(changes: Partial<RequestLogRow>): Omit<RequestLogRow, 'calledModels'> {
  return {
    tenant: 'default',
    requestId: 'r-1',
    requestType: 'CHAT',
    taskType: null,
    model: 'm',
    provider: 'p',
    status: 'COMPLETED',
    errorCode: null,
    attemptCount: 1,
    confidence: 0.9,
    usage: null,
    cost: {
      amount: '0.1',
      currency: 'USD',
      unknownReason: null,
      priceSource: null,
      priceCardVersion: null,
      reportedUsd: null,
    },
    startedAt: Date.parse('2026-11-24T12:00:00.000Z'),
    finishedAt: Date.parse('2026-11-24T12:00:00.100Z'),
    durationMs: 100,
    registryVersion: null,
    source: null,
    ...changes,
  }
}
