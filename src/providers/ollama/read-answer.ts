import { readJsonAnswer } from '../answers/read-json-answer.ts'
import { readErrorBody } from '../http/error-body.ts'
import type { HttpAnswer } from '../http/http-client.ts'
import type { JsonObject } from '../http/json-shape.ts'
import type { ErrorContext } from '../http/map-http-error.ts'
import { ProviderError } from '../provider.ts'

/** What a model may lack, as `"x" does not support tools` names it (server/images.go and server/routes.go). */
const lacking = /does not support (chat|completions?|generate|embeddings?|tools|thinking|vision|images?|insert)\b/

/**
 * The JSON object of a good answer. @throws ProviderError: a model that is not pulled is MODEL_NOT_FOUND, one that
 * cannot do what was asked CAPABILITY_NOT_SUPPORTED, all else as for any provider
 */
export function readAnswer(answer: HttpAnswer, context: ErrorContext): JsonObject {
  throwRefusal(answer, context)
  return readJsonAnswer(answer, context)
}

function throwRefusal(answer: HttpAnswer, { provider, model }: ErrorContext): void {
  const { status } = answer
  if (model === null || (status !== 404 && status !== 400)) return
  const { message } = readErrorBody(answer.body.toString('utf8', 0, 65_536))
  const options = { provider, httpStatus: status }
  if (status === 404 && /\bmodel\b/i.test(message)) {
    throw new ProviderError(
      'MODEL_NOT_FOUND',
      `Provider ${provider} has no model ${model}; pull it there (ollama pull ${model}) or correct providerModel.`,
      options,
    )
  }
  const lack = lacking.exec(message)?.[1]
  if (status === 400 && lack !== undefined) {
    throw new ProviderError(
      'CAPABILITY_NOT_SUPPORTED',
      `The model ${model} of provider ${provider} does not support ${lack}; leave that out or choose another model.`,
      options,
    )
  }
}
