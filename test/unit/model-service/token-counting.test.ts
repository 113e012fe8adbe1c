import { expect, test } from 'vitest'
import { ModelService } from '../../../src/model-service/model-service.ts'
import type { ModelServiceSettings } from '../../../src/model-service/ports/model-service-deps.ts'
import { ProviderError } from '../../../src/providers/provider.ts'
import { inProcessCounter } from '../tokens/in-process-counter.ts'
import { chatRequest, FakeProvider, fakeDeps, settings } from './fakes.ts'

/** A provider that can be asked for a count, and remembers what it was asked. */
class CountingProvider extends FakeProvider {
  readonly asked: unknown[] = []
  readonly #count: () => number

  constructor(count: () => number) {
    super('openai')
    this.#count = count
  }

  async countTokens(call: unknown, context: { timeoutMs: number }): Promise<number> {
    this.asked.push({ ...(call as object), timeoutMs: context.timeoutMs })
    return this.#count()
  }
}

const words = 'word '.repeat(1_000)

async function ask(tokenCounting: ModelServiceSettings['tokenCounting'], count: () => number) {
  const provider = new CountingProvider(count)
  const { deps } = fakeDeps([provider], {
    settings: { ...settings, ...(tokenCounting === undefined ? {} : { tokenCounting }) },
    tokenCounter: inProcessCounter,
  })
  const service = new ModelService(deps)
  await service.registerModel({
    id: 'small',
    provider: 'openai',
    providerModel: 'gpt-4o',
    capabilities: ['CHAT'],
    contextWindow: 1_100,
  })
  const completion = await service.process(chatRequest({ model: 'small' }, words))
  return { provider, completion }
}

test.each(['local', undefined] as const)('counts here, with TOKEN_COUNTING %s', async (tokenCounting) => {
  const { provider, completion } = await ask(tokenCounting, () => 99_999)
  expect(provider.asked).toEqual([])
  expect(completion).toMatchObject({ status: 'COMPLETED', warnings: [] })
})

test('asks the provider where that is set, within a limit, and believes it', async () => {
  const { provider, completion } = await ask('provider', () => 1_101)
  expect(provider.asked).toMatchObject([{ model: 'gpt-4o', input: { type: 'ChatInput' }, timeoutMs: 2_000 }])
  expect(completion).toMatchObject({ status: 'FAILED', error: { code: 'CONTEXT_LENGTH' } })
  expect(provider.calls).toEqual([])
})

test('goes on with a warning when the provider does not say', async () => {
  const { provider, completion } = await ask('provider', () => {
    throw new ProviderError('PROVIDER_UNAVAILABLE', 'Down.')
  })
  expect(completion).toMatchObject({ status: 'COMPLETED', warnings: [{ code: 'TOKENS_NOT_COUNTED' }] })
  expect(provider.calls).toHaveLength(1)
})
