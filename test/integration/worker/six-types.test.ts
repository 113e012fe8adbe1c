/** The six request types of examples/, through a real worker process to the models of the stack. */
import { describe, expect, inject, it } from 'vitest'
import { planRegistrations } from '../../../scripts/quickstart/registrations.ts'
import { sendExamples } from '../../../scripts/quickstart/send-examples.ts'
import { withService } from '../../support/service.ts'

const service = withService()
const { models } = inject('stack')
const { cases, commands } = planRegistrations(models, { keep: false, offline: false, backend: 'embedded', paid: null })
const doubles = cases.filter(({ kind, endpoint }) => kind !== 'imageGeneration' && endpoint.source === 'double')
if (doubles.length > 0) {
  console.warn(`no real model for ${doubles.map(({ kind }) => kind).join(', ')}: ${doubles[0]?.endpoint.reason}`)
}

describe('the six request types', () => {
  it('all complete, each accounted for in topics, ledger and request log', async () => {
    await service.startWorker()
    for (const command of commands) expect(await service.command(command)).toMatchObject({ status: 'APPLIED' })
    const results = await sendExamples(service.session, cases, {
      timeoutMs: 120_000,
      signal: new AbortController().signal,
      onAnswer: () => {},
    })

    for (const { of, completion } of results) {
      expect(completion, of.kind).toMatchObject({
        status: 'COMPLETED',
        kind: of.requestType,
        model: of.modelId,
        error: null,
        token: 1,
        attempts: [{ number: 1, outcome: 'SUCCEEDED', httpStatus: 200 }],
      })
      expect(completion?.cost.amount, of.kind).toMatch(/^0\.0*[1-9]/)
      expect(completion?.payloadHash).toMatch(/^v1:[0-9a-f]{64}$/)
    }
    const [chat, text, embedding, image, transcription, translation] = results.map(({ completion }) => completion)
    expect(chat?.chat?.text).not.toBe('')
    expect(text?.completion?.text).not.toBe('')
    expect(embedding?.embedding?.vectors.map(({ index, values }) => [index, values.length])).toEqual([
      [0, embedding?.embedding?.dimensions],
      [1, embedding?.embedding?.dimensions],
    ])
    expect(image?.imageGeneration?.images[0]?.media).toMatchObject({ mediaType: 'image/png' })
    expect(transcription?.audioTranscription?.text).not.toBe('')
    expect(translation?.audioTranslation?.text).not.toBe('')

    // One event per attempt and one per request, without content.
    const performance = await service.readRecords('performance')
    expect(performance.map(({ record }) => record.kind).sort()).toEqual([
      ...Array(6).fill('ATTEMPT'),
      ...Array(6).fill('REQUEST'),
    ])
    await service.offsetsAtEnd('requests')
    const ledger = await service.sql.query('SELECT state, outcome FROM request_ledger')
    expect(ledger.rows).toEqual(Array(6).fill({ state: 'PUBLISHED', outcome: null }))
    const log = await service.sql.query(
      'SELECT status, completion_body IS NOT NULL AS has_body, tableoid::regclass::text AS part FROM request_log',
    )
    expect(log.rows).toHaveLength(6)
    for (const row of log.rows) {
      expect(row).toMatchObject({ status: 'COMPLETED', has_body: true })
      // A day's own partition, not the default one.
      expect(row.part).toMatch(/request_log_\d{4}/)
    }
  }, 180_000)
})
