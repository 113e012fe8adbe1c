import { ModelClient } from '../client/model-client.ts'
import type { KafkaSession } from './kafka-session.ts'

/**
 * Runs with a client over a session, and closes it afterwards. Apart from the session, so that commands which only read can reach
 * nothing that checks or sends requests.
 */
export async function withModelClient<T>(
  { kafka, registry, topicPrefix }: Pick<KafkaSession, 'kafka' | 'registry' | 'topicPrefix'>,
  run: (client: ModelClient) => Promise<T>,
): Promise<T> {
  await using client = new ModelClient({ kafka, registry, topicPrefix })
  return await run(client)
}
