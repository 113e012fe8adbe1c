import type { Usage } from '../../contract/types.ts'
import { noUsage } from '../answers/no-usage.ts'
import { asCount, type JsonObject } from '../http/json-shape.ts'

/**
 * `prompt_eval_count` and `eval_count` of an answer. A count of zero is left out on the wire (api/types.go, Metrics), and
 * versions that had the whole prompt in their cache gave no `prompt_eval_count`: there is no telling how long the input
 * was, so the usage is null, not an input for nothing. Versions that had part of it cached gave the other part only.
 * Thinking is counted within the output.
 */
export function mapUsage(body: JsonObject): Usage | null {
  const input = asCount(body['prompt_eval_count'])
  return input === 0 ? null : { ...noUsage, inputUncachedTokens: input, outputTokens: asCount(body['eval_count']) }
}
