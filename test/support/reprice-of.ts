import { completeDraft } from '../../src/codec/contract-type.ts'
import { PriceHistory } from '../../src/replay/price-history.ts'
import type { RepriceReport } from '../../src/replay/reprice-report.ts'
import { runReprice } from '../../src/replay/run-reprice.ts'
import { openWorkFile, type WorkFile } from '../../src/replay/work-file.ts'
import { type ReplayWorld, type WorldReading, worldDecoders, worldReader, worldStartMs } from './replay-world.ts'

/** How a world is priced again. */
export interface RepriceOfOptions extends WorldReading {
  /** Unix ms; null, which is the default: prices of then. */
  asOf?: number | null
  exampleCount?: number
  /** The work file; one in memory by default. */
  file?: WorkFile
  signal?: AbortSignal
}

/** A registry in which the model of a world costs 1 and 2 USD per million tokens, and from the day after the world 3 and 4 EUR. */
export const worldHistory = new PriceHistory(
  [
    { version: 2, at: 0, currency: 'USD', input: '1', output: '2' },
    { version: 9, at: worldStartMs + 86_400_000, currency: 'EUR', input: '3', output: '4' },
  ].map(({ version, at, currency, input, output }) => ({
    version,
    at,
    id: 'house-model',
    state: {
      provider: 'house',
      providerModel: 'llama-3',
      price: completeDraft('ModelDefinition', {
        id: 'house-model',
        provider: 'house',
        price: { inputPerMillionTokens: input, outputPerMillionTokens: output, currency },
      }).price,
    },
  })),
  [],
)

/** Prices a world again. */
export async function repriceOf(world: ReplayWorld, options: RepriceOfOptions = {}): Promise<RepriceReport> {
  const reader = worldReader(world, options)
  const { first, next } = await reader.bounds([world.topics.completions])
  using file = options.file ?? openWorkFile({ path: ':memory:', question: 'test' })
  return await runReprice({
    ...{ file, reader, from: first, until: next, decoders: worldDecoders(), history: worldHistory },
    asOf: options.asOf ?? null,
    exampleCount: options.exampleCount ?? 20,
    signal: options.signal ?? new AbortController().signal,
    onProgress: () => {},
  })
}
