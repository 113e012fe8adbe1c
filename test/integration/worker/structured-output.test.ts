/** Answers that must fit a schema: what does not is sent back once, and told as it is. */
import { beforeAll, expect, it } from 'vitest'
import type { ModelRequestDraft } from '../../../src/contract/types.ts'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()

beforeAll(async () => {
  await service.startWorker()
  await service.registerOnDouble({ talker: { capabilities: ['CHAT'], providerModel: 'double-chat' } })
})

function asking(schema: string, draft: Partial<ModelRequestDraft> = {}) {
  const request = service.chat('talker', draft)
  if (request.input?.type !== 'ChatInput') throw new Error('The request is no chat.')
  return { ...request, input: { ...request.input, responseFormat: { kind: 'JSON_SCHEMA' as const, schema } } }
}

it('ends an answer of another shape FAILED after one repair, keeps it, and streams each attempt under its own number', async () => {
  const request = asking('{"type":"array"}', { stream: true })
  await service.send(request)
  const [completion] = await service.completions([request.requestId])
  expect(completion).toMatchObject({
    status: 'FAILED',
    error: { code: 'OUTPUT_INVALID', retryable: false },
    attempts: [
      { number: 1, outcome: 'FAILED', error: { code: 'OUTPUT_INVALID' } },
      { number: 2, outcome: 'FAILED', error: { code: 'OUTPUT_INVALID' } },
    ],
  })
  expect(completion?.chat?.text).not.toBe('')
  const attempts = async () => {
    const chunks = (await service.readRecords('chunks')).map(({ record }) => record)
    return new Set(chunks.filter(({ requestId }) => requestId === request.requestId).map(({ attempt }) => attempt))
  }
  await until(async () => (await attempts()).size === 2, 'chunks of both attempts')
  expect(await attempts()).toEqual(new Set([1, 2]))
})

it('refuses a schema that leads elsewhere before anything is called', async () => {
  const request = asking('{"$ref":"https://example.org/schema.json"}')
  await service.send(request)
  const [completion] = await service.completions([request.requestId])
  expect(completion).toMatchObject({ status: 'REJECTED', error: { code: 'INVALID_REQUEST' }, attempts: [] })
})
