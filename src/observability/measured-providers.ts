import type { ProviderFactory } from '../model-service/ports/provider-factory.ts'
import { type CallContext, type ModelProvider, ProviderError } from '../providers/provider.ts'
import type { Metrics } from './metrics.ts'

/** The same providers; each call that they make is counted and timed. */
export function measuredProviders(factory: ProviderFactory, metrics: Metrics): ProviderFactory {
  const known = new WeakMap<ModelProvider, ModelProvider>()
  const measured = (provider: ModelProvider): ModelProvider => {
    const made = known.get(provider) ?? measure(provider, metrics)
    known.set(provider, made)
    return made
  }
  return {
    presets: factory.presets,
    preset: (name) => factory.preset(name),
    infer: (model) => factory.infer(model),
    get: (definition) => measured(factory.get(definition)),
    keyed: (definition) =>
      (factory.keyed?.(definition) ?? [{ key: null, adapter: factory.get(definition) }]).map(({ key, adapter }) => ({
        key,
        adapter: measured(adapter),
      })),
  }
}

function measure(provider: ModelProvider, metrics: Metrics): ModelProvider {
  const timed =
    <TCall, TAnswer>(run: (call: TCall, context: CallContext) => Promise<TAnswer>) =>
    async (call: TCall, context: CallContext): Promise<TAnswer> => {
      const startedAt = performance.now()
      const note = (outcome: string) => {
        const labels = { provider: provider.id, outcome }
        metrics.count('attempts', labels)
        metrics.observe('attemptDuration', labels, (performance.now() - startedAt) / 1_000)
      }
      try {
        const answer = await run(call, context)
        note('SUCCEEDED')
        return answer
      } catch (error) {
        note(error instanceof ProviderError ? error.outcome : 'UNKNOWN')
        throw error
      }
    }
  return {
    ...(provider.countTokens && { countTokens: provider.countTokens.bind(provider) }),
    id: provider.id,
    capabilities: provider.capabilities,
    chat: timed((call, context) => provider.chat(call, context)),
    completion: timed((call, context) => provider.completion(call, context)),
    embedding: timed((call, context) => provider.embedding(call, context)),
    imageGeneration: timed((call, context) => provider.imageGeneration(call, context)),
    audioTranscription: timed((call, context) => provider.audioTranscription(call, context)),
    audioTranslation: timed((call, context) => provider.audioTranslation(call, context)),
    listModels: (context) => provider.listModels(context),
    checkKey: (context) => provider.checkKey(context),
  }
}
