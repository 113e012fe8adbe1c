import type { CompletionInput } from '../../contract/types.ts'
import { mergeProviderOptions } from '../merge-provider-options.ts'
import { reservedFields } from './reserved-fields.ts'
import type { BodyContext } from './to-chat-body.ts'
import { toSamplingFields } from './to-sampling-fields.ts'

/** The body of POST /completions, which knows only `max_tokens`. @throws INVALID_REQUEST */
export function toCompletionBody(input: CompletionInput, context: BodyContext): Record<string, unknown> {
  const { provider, model, dialect } = context
  const body: Record<string, unknown> = {
    model,
    prompt: input.prompt,
    ...toSamplingFields(input.sampling, dialect, provider),
  }
  if (input.suffix !== null) body['suffix'] = input.suffix
  if (input.sampling.maxOutputTokens !== null) body['max_tokens'] = input.sampling.maxOutputTokens
  if (input.user !== null && dialect.takesUser) body['user'] = input.user
  return mergeProviderOptions({ body, options: input.providerOptions, reserved: reservedFields, provider })
}
