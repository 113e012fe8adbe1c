import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaSession } from '../../src/cli/kafka-session.ts'
import { readRequest } from '../../src/cli/send/read-request.ts'
import type { ModelCompletion } from '../../src/contract/types.ts'
import { readTopics, topicBounds } from '../../src/events/topic-reader.ts'
import { root } from '../run-step.ts'
import type { QuickstartCase } from './registrations.ts'

/** A case and what came back; null when nothing did in time. */
export interface QuickstartResult {
  of: QuickstartCase
  completion: ModelCompletion | null
}

/** Sends the example of every case and collects the completions. */
export async function sendExamples(
  session: KafkaSession,
  cases: readonly QuickstartCase[],
  options: { timeoutMs: number; signal: AbortSignal; onAnswer(answered: number): void },
): Promise<QuickstartResult[]> {
  const folder = join(root, 'examples')
  const requests = cases.map(({ example }) =>
    readRequest({ name: `examples/${example}`, text: readFileSync(join(folder, example), 'utf8'), folder }),
  )
  const topic = session.topic('completions')
  const { next } = await topicBounds(session.kafka, [topic])
  for (const request of requests) await session.produce('requests', request.requestId, request)
  const completions = new Map<string, ModelCompletion>()
  const awaited = new Set(requests.map(({ requestId }) => requestId))
  await readTopics({
    kafka: session.kafka,
    topics: [topic],
    from: next,
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]),
    onRecord: async ({ value }) => {
      const completion = await session.decode('ModelCompletion', value)
      if (awaited.has(completion.requestId)) completions.set(completion.requestId, completion)
      options.onAnswer(completions.size)
      return completions.size === awaited.size ? 'stop' : undefined
    },
  })
  options.signal.throwIfAborted()
  return cases.map((of, index) => ({ of, completion: completions.get(requests[index]?.requestId ?? '') ?? null }))
}
