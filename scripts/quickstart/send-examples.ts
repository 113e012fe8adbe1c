import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KafkaSession } from '../../src/cli/kafka-session.ts'
import { readRequest } from '../../src/cli/send/read-request.ts'
import { withModelClient } from '../../src/cli/with-model-client.ts'
import type { ModelClient } from '../../src/client/model-client.ts'
import type { ModelCompletion, ModelRequest } from '../../src/contract/types.ts'
import { ModelServiceError } from '../../src/errors/model-service-error.ts'
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
  let answeredCount = 0
  const ask = async (client: ModelClient, request: ModelRequest): Promise<ModelCompletion | null> => {
    const { timeoutMs, signal, onAnswer } = options
    try {
      const completion = await client.process(request, { timeoutMs, signal })
      answeredCount += 1
      onAnswer(answeredCount)
      return completion
    } catch (error) {
      if (error instanceof ModelServiceError && error.code === 'REQUEST_TIMEOUT') return null
      throw error
    }
  }
  const completions = await withModelClient(session, (client) =>
    Promise.all(requests.map((request) => ask(client, request))),
  )
  return cases.map((of, index) => ({ of, completion: completions[index] ?? null }))
}
