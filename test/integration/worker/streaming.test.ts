/** Live deltas of a streamed request, and the terminal record that supersedes them. */
import { beforeAll, describe, expect, it } from 'vitest'
import { withService } from '../../support/service.ts'
import { until } from '../../support/until.ts'

const service = withService()

beforeAll(async () => {
  // A broken stream would be tried again later; here the first try is looked at.
  await service.startWorker({ env: { RETRY_DELAYS_MS: 'none', TARGET_RETRIES_COUNT: '0' } })
  await service.registerOnDouble({
    talker: { capabilities: ['CHAT'], providerModel: 'double-chat' },
    broken: { capabilities: ['CHAT'], providerModel: 'double-cut-stream' },
  })
})

async function chunksOf(requestId: string) {
  const chunks = (await service.readRecords('chunks')).map(({ record }) => record)
  return chunks.filter((chunk) => chunk.requestId === requestId)
}

describe('a streamed chat', () => {
  it('publishes numbered chunks that add up to the answer of the terminal record', async () => {
    const request = service.chat('talker', { stream: true })
    await service.send(request)
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'COMPLETED', finishReason: 'STOP' })
    expect(completion?.timings.firstChunkAt).not.toBeNull()
    await until(
      async () => (await chunksOf(request.requestId)).map(({ text }) => text).join('') === completion?.chat?.text,
      'all chunks',
    )
    const chunks = await chunksOf(request.requestId)
    expect(chunks.length).toBeGreaterThan(1)
    expect(chunks.map(({ index }) => index)).toEqual(chunks.map((_, index) => index))
    for (const chunk of chunks) expect(chunk).toMatchObject({ token: 1, attempt: 1, kind: 'TEXT' })
  })

  it('that is not asked to stream publishes none', async () => {
    const request = service.chat('talker')
    await service.send(request)
    await service.completions([request.requestId])
    expect(await chunksOf(request.requestId)).toEqual([])
  })

  it('whose stream breaks ends FAILED, its fate unknown and its cost not guessed', async () => {
    const request = service.chat('broken', { stream: true })
    await service.send(request)
    const [completion] = await service.completions([request.requestId])
    expect(completion).toMatchObject({ status: 'FAILED', chat: null, cost: { amount: null } })
    expect(completion?.attempts).toMatchObject([{ outcome: 'UNKNOWN' }])
  })
})
